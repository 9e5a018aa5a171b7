"""Bad networks: slow, cut, torn to pieces, half closed, silent. The others play on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.faults.conftest import Report, StartServer
from tests.lab.player import Player
from tests.lab.proxy import Proxy, bytewise, torn
from tests.lab.server_process import ServerProcess

BOARD_SECONDS = 10.0
ELSEWHERE_SECONDS = 40.0
A_MOMENT = 1.0  # that a timer of the server may be late on a busy machine


@pytest.fixture
async def server(start_server: StartServer) -> ServerProcess:
    asyncio.get_running_loop().set_debug(False)
    return start_server()


@pytest.fixture
async def network(server: ServerProcess) -> AsyncIterator[Proxy]:
    async with Proxy(server.port) as proxy:
        yield proxy
        await Player.send_home()


async def plays_and_wins(ann: Player, bob: Player) -> None:
    """Play a game in which Ann, who has X, has three in a row."""
    for player, cell in [(ann, 0), (bob, 3), (ann, 1), (bob, 4), (ann, 2)]:
        await player.until_turn()
        assert (await player.move(cell))["statusCode"] == 200
    await bob.until_game(2)


@pytest.mark.parametrize("pieces", [bytewise, torn])
async def test_frames_torn_to_pieces_are_a_game_like_any_other(
    server: ServerProcess, network: Proxy, pieces: Callable[[bytes], Iterator[bytes]]
) -> None:
    network.pieces = pieces
    ann = await Player.join(network.ws_url)
    bob = await Player.join(server.ws_url)
    await plays_and_wins(ann, bob)
    await ann.sync()
    assert ann.line == bob.line


async def test_latency_delays_the_slow_one_and_nobody_else(
    server: ServerProcess, network: Proxy
) -> None:
    network.latency = 0.3
    slow = await Player.join(network.ws_url)
    ann = await Player.join(server.ws_url)
    dan = await Player.join(server.ws_url)
    started = time.monotonic()
    await dan.sync()
    assert time.monotonic() - started < network.latency
    await plays_and_wins(slow, ann)


async def test_messages_that_come_in_one_segment_are_answered_in_their_order(
    network: Proxy,
) -> None:
    ann = await Player.join(network.ws_url)
    network.stop()
    for number in range(50):
        text = {"action": "updateDB", "username": f"Ann {number}", "requestId": f"{number}"}
        await ann.socket.send(json.dumps(text))
    network.flow()
    answers = [await ann.until(lambda m: m.get("action") == "response") for _ in range(50)]
    assert [answer["requestId"] for answer in answers] == [f"{number}" for number in range(50)]
    assert {answer["statusCode"] for answer in answers} == {200}
    await ann.until_named(ann.id, "Ann 49")


async def test_reset_in_mid_game_keeps_seat_and_board(
    server: ServerProcess, network: Proxy
) -> None:
    ann = await Player.join(network.ws_url)
    bob = await Player.join(server.ws_url)
    await ann.move(4)
    network.reset()
    await bob.until_absent(ann.id)
    again = await Player.join(network.ws_url, session=ann.session)
    assert (again.id, again.marker) == (ann.id, "X")
    assert again.board == "....X...."


async def test_half_closed_connection_is_an_absence(server: ServerProcess, network: Proxy) -> None:
    ann = await Player.join(network.ws_url)
    bob = await Player.join(server.ws_url)
    network.half_close()
    await bob.until_absent(ann.id)
    again = await Player.join(server.ws_url, session=ann.session)
    assert (again.id, again.marker) == (ann.id, "X")


async def test_handshake_that_is_cut_leaves_nothing(server: ServerProcess, network: Proxy) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    for size in range(0, len(request), 7):
        _, writer = await asyncio.open_connection("127.0.0.1", network.port)
        writer.write(request[:size])
        await writer.drain()
        network.reset()
        writer.close()
    ann = await Player.join(server.ws_url)
    assert (ann.marker, list(ann.users)) == ("X", [ann.id])
    assert [line for line in server.log_lines() if line["level"] in ("warning", "error")] == []


async def test_silence_is_noticed_in_time(
    server: ServerProcess, network: Proxy, report: Report
) -> None:
    ann = await Player.join(network.ws_url)  # at the board
    bob = await Player.join(server.ws_url)
    cleo = await Player.join(network.ws_url)  # in line
    dan = await Player.join(server.ws_url)
    await dan.until_true(lambda: len(dan.users) == 4)
    network.stop()
    started = time.monotonic()
    at_board, elsewhere = await asyncio.gather(
        noticed(bob, ann.id, BOARD_SECONDS), noticed(dan, cleo.id, ELSEWHERE_SECONDS)
    )
    assert at_board - started <= BOARD_SECONDS + A_MOMENT
    assert elsewhere - started <= ELSEWHERE_SECONDS + A_MOMENT
    report(f"at the board {at_board - started:.1f} s, elsewhere {elsewhere - started:.1f} s")


async def noticed(watcher: Player, absentee: str, seconds: float) -> float:
    """Return when the absence is known to somebody else."""
    watcher.patience = seconds + 2 * A_MOMENT
    await watcher.until_absent(absentee)
    return time.monotonic()
