"""However much clients do, the log of a day has a bound."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from server.ops.log_limit import LINES_AT_ONCE, LINES_PER_SECOND, LogLimit
from tests.lab.player import Player
from tests.lab.raw import Raw, frame
from tests.lab.server_process import ServerProcess

DAY = 24 * 3600
# What SECURITY.md promises (bytes).
MOST_A_DAY = 150_000_000
OFTEN = 150


def line(action: str | None, level: int = logging.INFO) -> logging.LogRecord:
    record = logging.LogRecord("server", level, "", 0, "it happened", None, None)
    vars(record)["action"] = action
    return record


def test_lines_of_a_kind_are_let_through_at_once_and_then_at_the_rate() -> None:
    limit = LogLimit()
    assert sum(limit.admit(line("message"), 5.0) for _ in range(OFTEN)) == LINES_AT_ONCE
    seconds = 1000
    ticks = (5.0 + tick / 10 for tick in range(1, 10 * seconds + 1))
    let_through = sum(limit.admit(line("message"), now) for now in ticks)
    assert abs(let_through - seconds * LINES_PER_SECOND) <= 1


def test_next_line_says_how_many_were_left_out() -> None:
    limit = LogLimit()
    for _ in range(LINES_AT_ONCE + 7):
        limit.admit(line("message"), 0.0)
    first, second = line("message"), line("message")
    assert limit.admit(first, 2.0)
    assert limit.admit(second, 3.5)
    assert vars(first)["leftOut"] == 7
    assert "leftOut" not in vars(second)


def test_kinds_do_not_take_each_others_lines() -> None:
    limit = LogLimit()
    for _ in range(OFTEN):
        limit.admit(line("message"), 0.0)
    assert not limit.admit(line("message"), 0.0)
    assert limit.admit(line("connected"), 0.0)
    assert limit.admit(line("message", logging.ERROR), 0.0)
    assert limit.admit(line(None), 0.0)


async def test_clients_cannot_fill_the_disk(start_server: Callable[..., ServerProcess]) -> None:
    started = time.monotonic()
    server = start_server("--messages-per-second", "100000", "--burst", "100000")
    room = "/" + "r" * 32
    refused = frame(1, b'{"action": "makeMove", "cell": 9}')
    for _ in range(OFTEN):
        raw = await Raw.upgrade(server.port, room)
        raw.writer.write(refused)
        assert (await raw.until_action("response"))["statusCode"] == 400
        raw.send_close(1000)
    player = await Player.join(server.ws_url + room)
    async with asyncio.timeout(20):
        while len(player.users) > 1:
            await player.sync()
    assert server.stop()[0] == 0

    lines = server.log_lines()
    written = Counter(line["event"] for line in lines)
    often = {"connected", "disconnected", "message"}
    assert set(written) == often | {"started", "stopping"}
    of_each = LINES_AT_ONCE + LINES_PER_SECOND * (time.monotonic() - started)
    for event in often:
        assert LINES_AT_ONCE <= written[event] <= of_each
    longest = max(map(len, server.log_text().splitlines())) + len(', "leftOut": 1000000000\n')
    # A kind more, for asyncio: it warns of writes to sockets that are gone.
    assert longest * (len(often) + 1) * (LINES_AT_ONCE + LINES_PER_SECOND * DAY) < MOST_A_DAY


async def test_no_line_is_left_out_at_debug(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--log-level", "debug", "--messages-per-second", "100000")
    player = await Player.join(server.ws_url)
    for _ in range(LINES_AT_ONCE + 5):
        await player.ask(action="makeMove", cell=9)
    server.stop()
    answered = [line for line in server.log_lines() if line.get("statusCode") == 400]
    assert len(answered) == LINES_AT_ONCE + 5
