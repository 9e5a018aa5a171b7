"""Clocks that jump and a server that stands still: nobody expires who was there in time."""

import asyncio
import signal

import pytest

from server.sockets.liveness import TICK_SECONDS
from tests.faults.conftest import StartServer
from tests.faults.misfortune import Misfortune
from tests.lab.player import Player

HOUR, DAY = 3600, 24 * 3600
STALL_SECONDS = 5.0
JUMPS = pytest.mark.parametrize("jump", [-HOUR, DAY], ids=["an hour back", "a day ahead"])


@JUMPS
async def test_wall_clock_that_jumps_moves_no_deadline(
    start_server: StartServer, misfortune: Misfortune, jump: int
) -> None:
    flags = ("--move-seconds", "4", "--seat-seconds", "4", "--resume-seconds", "6")
    server = start_server(*flags, environment=misfortune.environment)
    ann, bob, cleo, dan = [await Player.join(server.ws_url) for _ in range(4)]
    await ann.move(4)
    cleo.vanish()
    await bob.until_absent(cleo.id)
    misfortune.set_clock_off(jump)

    assert (await bob.move(0))["statusCode"] == 200
    again = await Player.join(server.ws_url, session=cleo.session)
    assert (again.id, again.standing["position"]) == (cleo.id, 1)
    eve = await Player.join(server.ws_url)
    assert [u["connectionId"] for u in eve.line] == [p.id for p in (ann, bob, cleo, dan, eve)]
    # Nor do the clocks stand still: who does not move loses, who does not come back is removed.
    started = asyncio.get_running_loop().time()
    dan.vanish()
    ended = await bob.until(lambda m: (m.get("game") or {}).get("status") == "timeout")
    assert ended["game"]["winner"] == "O"
    await bob.until_true(lambda: dan.id not in bob.users)
    assert asyncio.get_running_loop().time() - started > 5


@JUMPS
async def test_wall_clock_that_has_jumped_by_the_next_start_costs_no_place(
    start_server: StartServer, misfortune: Misfortune, jump: int
) -> None:
    server = start_server(environment=misfortune.environment)
    guests = [await Player.join(server.ws_url) for _ in range(4)]
    await guests[0].move(4)
    server.kill()
    misfortune.set_clock_off(jump)
    server = start_server(port=server.port, environment=misfortune.environment)
    back = [await Player.join(server.ws_url, session=guest.session) for guest in guests]
    assert [guest.id for guest in back] == [guest.id for guest in guests]
    assert back[0].board == "....X...."
    newcomer = await Player.join(server.ws_url)
    line = [user["connectionId"] for user in newcomer.line]
    assert line == [*(guest.id for guest in guests), newcomer.id]
    assert (await back[1].move(0))["statusCode"] == 200


async def test_clock_of_the_server_has_really_jumped(
    start_server: StartServer, misfortune: Misfortune
) -> None:
    """Or the tests above would show nothing."""
    misfortune.set_clock_off(DAY)
    ahead = start_server(environment=misfortune.environment)
    early = (await Player.join(ahead.ws_url)).line[0]["joinedAt"]
    ahead.kill()
    ahead.database.unlink()
    misfortune.set_clock_off(0)
    late = (await Player.join(start_server().ws_url)).line[0]["joinedAt"]
    assert late < early


async def test_stalled_server_hears_everybody_before_anybody_expires(
    start_server: StartServer,
) -> None:
    server = start_server(*("--move-seconds", "2", "--seat-seconds", "2", "--resume-seconds", "3"))
    ann, bob, cleo = [await Player.join(server.ws_url) for _ in range(3)]
    cleo.vanish()
    await bob.until_absent(cleo.id)
    server.process.send_signal(signal.SIGSTOP)
    returning = asyncio.create_task(Player.join(server.ws_url, session=cleo.session))
    moving = asyncio.create_task(ann.move(4))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(STALL_SECONDS):
            await bob.until(lambda m: m.get("action") != "queueDelta")
    server.process.send_signal(signal.SIGCONT)

    assert (await moving)["statusCode"] == 200
    again = await returning
    assert (again.id, again.standing["position"]) == (cleo.id, 1)
    await bob.until_board("....X....")
    assert (await bob.move(0))["statusCode"] == 200
    results = [m["game"]["status"] for m in bob.messages if m.get("game")]
    assert set(results) == {"playing"}
    assert set(bob.users) == {ann.id, bob.id, cleo.id}


async def test_players_keep_their_sockets_while_a_stopped_server_makes_up_for_lost_time(
    start_server: StartServer,
) -> None:
    server = start_server("--move-seconds", "0")
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    server.process.send_signal(signal.SIGSTOP)
    # Two rounds of pings long, so that two are due when it goes on.
    await asyncio.sleep(2 * TICK_SECONDS + 1)  # the standstill itself
    server.process.send_signal(signal.SIGCONT)
    # A third round comes, and finds that those of before were answered.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(TICK_SECONDS + 2):
            await ann.closed()
    for player, cell in ((ann, 4), (bob, 0)):
        assert (await player.move(cell))["statusCode"] == 200
