"""The store cannot be written for a while: who asks is told, nothing is half done, clocks stop.

And when it can be written again, everything goes on by itself, with nobody asking.
"""

import asyncio
import errno
import resource
import sqlite3
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from tests.faults.conftest import Report, StartServer
from tests.faults.misfortune import Misfortune
from tests.faults.tables import Tables
from tests.lab.crowd import by_the_hundred, come
from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

MOVE_SECONDS = 3.0
OUTAGE_SECONDS = 5.0
LOCKED_SECONDS = 10.0
CROWD = 2000
FLAGS = ("--move-seconds", "3", "--seat-seconds", "3", "--resume-seconds", "4")

Fault = Callable[[bool], None]


def file_size_limit(server: ServerProcess, _: Misfortune) -> Fault:
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    def limit(on: bool) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1 if on else soft, hard))

    return limit


def full_disk(_: ServerProcess, misfortune: Misfortune) -> Fault:
    return lambda on: misfortune.fail_writes(errno.ENOSPC if on else 0)


def read_only(_: ServerProcess, misfortune: Misfortune) -> Fault:
    return lambda on: misfortune.fail_writes(errno.EROFS if on else 0)


def deadline(player: Player) -> datetime:
    assert player.game is not None
    return datetime.fromisoformat(player.game["deadline"])


async def turned_away(server: ServerProcess, session: str | None = None) -> bool:
    """Tell whether somebody who comes now is told to try again."""
    with pytest.raises(ConnectionClosed) as closed:
        await Player.join(server.ws_url, session=session)
    return closed.value.rcvd is not None and closed.value.rcvd.code == 1013


async def is_refused_for(seconds: float, ann: Player) -> float:
    """Ask again and again, always in vain; return how long the slowest answer took."""
    slowest, until = 0.0, time.monotonic() + seconds
    while (started := time.monotonic()) < until:
        assert (await ann.move(8))["statusCode"] == 503
        assert (await ann.ask(action="updateDB", username="Annie"))["statusCode"] == 503
        slowest = max(slowest, (time.monotonic() - started) / 2)
    return slowest


@pytest.mark.parametrize("kind", [file_size_limit, full_disk, read_only])
async def test_disk_fails_in_mid_game_and_is_healed(
    start_server: StartServer,
    misfortune: Misfortune,
    report: Report,
    kind: Callable[[ServerProcess, Misfortune], Fault],
) -> None:
    server = start_server(*FLAGS, environment=misfortune.environment)
    fault = kind(server, misfortune)
    ann, bob, cleo, dan = [await Player.join(server.ws_url) for _ in range(4)]
    await ann.move(4)
    await bob.move(0)
    await ann.sync()
    before, deadline_before = Tables.read(server.database), deadline(ann)

    fault(True)
    started = time.monotonic()
    assert (await ann.move(8))["statusCode"] == 503
    assert (await cleo.ask(action="leaveQueue"))["statusCode"] == 503
    assert (await bob.ask(action="gameOVER", loserId=bob.id))["statusCode"] == 503
    dan.vanish()
    assert await turned_away(server)
    assert await turned_away(server, session=dan.session)
    await is_refused_for(OUTAGE_SECONDS, ann)
    during = Tables.read(server.database)
    assert (during.users, during.games) == (before.users, before.games)
    assert [m for m in bob.messages if m.get("game", {}).get("number", 1) > 1] == []
    fault(False)
    healed = time.monotonic()

    # Nobody asks for anything, and yet what happened meanwhile becomes known.
    await bob.until_absent(dan.id)
    report(f"known {time.monotonic() - healed:.2f} s after it was healed")
    await ann.sync()
    assert ann.game is not None
    assert (ann.game["number"], ann.game["board"]) == (1, "O...X....")
    stood_still = deadline(ann) - deadline_before
    assert stood_still >= timedelta(seconds=healed - started - 0.5)
    assert (await ann.move(8))["statusCode"] == 200
    again = await Player.join(server.ws_url, session=dan.session)
    assert (again.id, again.standing["position"]) == (dan.id, 2)
    server.kill()
    Tables.read(server.database).check()


@pytest.mark.parametrize("kind", [file_size_limit, full_disk])
async def test_what_was_refused_does_not_come_back_after_a_kill(
    start_server: StartServer,
    misfortune: Misfortune,
    kind: Callable[[ServerProcess, Misfortune], Fault],
) -> None:
    server = start_server("--move-seconds", "0", environment=misfortune.environment)
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    await ann.move(4)
    fault = kind(server, misfortune)
    fault(True)
    assert (await bob.move(0))["statusCode"] == 503
    server.kill()
    misfortune.fail_writes(0)
    Tables.read(server.database).check()
    server = start_server(port=server.port)
    for player in (ann, bob):
        again = await Player.join(server.ws_url, session=player.session)
        assert (again.id, again.marker) == (player.id, player.marker)
        assert again.board == "....X...."


async def test_file_is_locked_by_another_process(start_server: StartServer, report: Report) -> None:
    server = start_server(*FLAGS)
    rooms = [f"{server.ws_url}/room-{number}" for number in range(5)]
    players = [[await Player.join(room) for _ in range(2)] for room in rooms]
    with closing(sqlite3.connect(server.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        slowest = await asyncio.gather(*(is_refused_for(LOCKED_SECONDS, x) for x, _ in players))
        other.execute("ROLLBACK")
    assert max(slowest) < 4, "each room waits for itself"
    report(f"the slowest refusal took {max(slowest):.1f} s")
    for x, o in players:
        assert (await x.move(4))["statusCode"] == 200
        assert (await o.move(0))["statusCode"] == 200
        assert x.game is not None
        assert x.game["number"] == 1
    # While nothing could be written, everybody could be read to.
    assert all(len(x.messages) > 3 for x, _ in players)


async def test_crowd_that_drops_in_an_outage_holds_up_nobody(
    start_server: StartServer, misfortune: Misfortune, report: Report
) -> None:
    """Each retry used to play all of them again, and to look each up in a list of the others."""
    asyncio.get_running_loop().set_debug(False)
    server = start_server("--max-absent", "100000", environment=misfortune.environment)
    ann = await Player.join(server.ws_url)
    faces = await by_the_hundred(CROWD, lambda: come(server.port, "lobby"))
    misfortune.fail_writes(errno.ENOSPC)
    assert (await ann.ask(action="updateDB", username="Ann"))["statusCode"] == 503
    for face in faces:
        face.transport.abort()
    slowest, until = 0.0, time.monotonic() + OUTAGE_SECONDS
    while (started := time.monotonic()) < until:
        await asyncio.to_thread(urllib.request.urlopen, f"{server.url}healthz", timeout=30)
        slowest = max(slowest, time.monotonic() - started)
    report(f"the slowest /healthz took {slowest:.2f} s with {CROWD} absences owed")
    assert slowest < OUTAGE_SECONDS / 2
    misfortune.fail_writes(0)
    ann.patience = 30
    await ann.until_true(lambda: sum("absent" in user for user in ann.users.values()) >= 100)
    misfortune.fail_writes(errno.ENOSPC)
    code, taken = await asyncio.to_thread(server.stop)
    assert (code, taken < 5) == (0, True)
