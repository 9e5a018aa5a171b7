"""How sockets end: every close code, and peers that do not read, do not answer, or do not stop."""

import asyncio
import sqlite3
import struct
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests.player import Player
from tests.server.raw import BINARY, CLOSE, PING, TEXT, Raw, frame
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--resume-seconds", "300", "--seat-seconds", "300", "--move-seconds", "0")


@pytest.fixture(autouse=True)
async def _all_go_home() -> AsyncIterator[None]:
    yield
    await Player.send_home()
    await Raw.send_home()


async def guest(house: ServerProcess, room: str, **options: int) -> Raw:
    """Let a raw v1 client in, and read its welcome."""
    raw = await Raw.upgrade(house.port, f"/{room}", **options)
    await raw.until_action("gameUpdate")
    return raw


def name_of(raw: Raw) -> str:
    return str(raw.messages[0]["connectionId"])


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(BINARY, b"{}"), 1003),
        (frame(BINARY, b""), 1003),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b'{"action":"\xed\xa0\x80"}'), 1007),
        (frame(TEXT, b'{"x":"\xe2', fin=False) + frame(0, b'"}'), 1007),
        (frame(TEXT, b" " * 4097), 1009),
        (frame(TEXT, b" " * 4096, fin=False) + frame(0, b" "), 1009),
        (frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 20000, 1009),
        (frame(TEXT, b"x" * 70000), 1009),
        (b"\x81\xff" + struct.pack("!Q", 2**62) + bytes(4), 1009),
        (b"\x81\x02{}", 1002),  # not masked
        (frame(3), 1002),
        (frame(11), 1002),
        (b"\xc1" + frame(TEXT, b"{}")[1:], 1002),  # compressed, though nothing was agreed
        (frame(0, b"{}"), 1002),  # goes on with nothing
        (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, fin=False), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, struct.pack("!H", 1005)), 1002),
        (frame(CLOSE, struct.pack("!H", 999)), 1002),
        (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    ],
    ids=lambda v: str(v)[:40],
)
async def test_frame_that_is_refused_ends_the_socket(
    house: ServerProcess, room: str, frames: bytes, code: int
) -> None:
    raw = await guest(house, room)
    ann = await Player.join(f"{house.ws_url}/{room}")
    raw.writer.write(frames)
    assert await raw.close_code() == code
    # Its own doing, but no farewell: the seat is kept.
    await ann.until_true(lambda: "absent" in ann.users[name_of(raw)])
    back = await Player.join(f"{house.ws_url}/{room}", session=str(raw.messages[0]["sessionId"]))
    assert back.id == name_of(raw)


@pytest.mark.parametrize(
    "last_words",
    [
        frame(BINARY, b"{}"),
        frame(TEXT, b" " * 4097),
        frame(TEXT, b"\xff"),
        frame(3),
        frame(CLOSE, struct.pack("!H", 1000)),
    ],
    ids=["1003", "1009", "1007", "1002", "its own 1000"],
)
async def test_who_does_not_hang_up_is_cut_off(
    house: ServerProcess, room: str, last_words: bytes
) -> None:
    raw = await guest(house, room)
    ann = await Player.join(f"{house.ws_url}/{room}")
    started = time.monotonic()
    raw.writer.write(last_words)
    await ann.until_true(lambda: not _is_there(ann, name_of(raw)))
    assert time.monotonic() - started < 4


def _is_there(player: Player, connection_id: str) -> bool:
    user = player.users.get(connection_id)
    return user is not None and "absent" not in user


async def test_messages_and_pings_in_pieces_are_heard(house: ServerProcess, room: str) -> None:
    raw = await guest(house, room)
    text = b'{"action":"updateDB","username":"Ann","requestId":"r"}'
    raw.send(TEXT, text[:1], fin=False)
    for byte in text[1:]:
        raw.send(PING, b"between")
        raw.send(0, bytes([byte]), fin=False)
    raw.send(0)
    assert (await raw.until_action("response"))["statusCode"] == 200
    for byte in frame(TEXT, b'{"action":"sendInfo","requestId":"s"}'):
        raw.writer.write(bytes([byte]))
        await raw.writer.drain()
    assert (await raw.until_action("response"))["requestId"] == "s"


async def test_too_many_messages(house: ServerProcess, room: str) -> None:
    ann = await Player.join(f"{house.ws_url}/{room}")
    other = await Player.join(f"{house.ws_url}/{room}")
    for _ in range(20):
        await ann.say(action="sendInfo")
    for number in range(10):
        await ann.say(action="updateDB", username="Flood", requestId=f"{number}")
    refused = await ann.until(lambda m: m.get("statusCode") == 429)
    assert refused["route"] is None
    assert refused["requestId"] in "0123456789"
    # It is the socket's own affair: the other one plays on.
    assert (await other.ask(action="sendInfo"))["statusCode"] == 200
    started = time.monotonic()

    async def flood() -> None:
        while time.monotonic() - started < 9:
            await ann.say(action="sendInfo")
            await asyncio.sleep(0.02)  # fifty messages a second, five times what is allowed

    flooding = asyncio.create_task(flood())
    try:
        assert (await ann.closed())[0] == 1008
    finally:
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
    assert 3.5 < time.monotonic() - started < 8


async def test_row_that_an_operator_deletes(house: ServerProcess, room: str) -> None:
    url = f"{house.ws_url}/{room}"
    ann, bob, cleo = [await Player.join(url) for _ in range(3)]
    await ann.move(4)
    started = time.monotonic()
    with sqlite3.connect(house.database) as database:
        database.execute("DELETE FROM users WHERE connection_id = ?", (ann.id,))
    database.close()
    game = (await bob.until(lambda m: bool(m.get("game")) and m["game"]["turn"] is None))["game"]
    assert (game["status"], game["winner"], game["board"]) == ("abandoned", "O", "....X....")
    await cleo.until_true(lambda: cleo.marker == "X")
    assert (await ann.closed()) == (4002, "removed by the operator")
    assert time.monotonic() - started < 1
    await bob.until_true(lambda: ann.id not in bob.users)
    assert (await bob.move(0))["statusCode"] == 409  # a new game, and it is X's turn
    again = await Player.join(url, session=ann.session)
    assert again.id != ann.id


async def test_everybody_is_deleted(house: ServerProcess, room: str) -> None:
    url = f"{house.ws_url}/{room}"
    players = [await Player.join(url, seed=bool(n % 2)) for n in range(4)]
    with sqlite3.connect(house.database) as database:
        database.execute("DELETE FROM users WHERE room = ?", (room,))
    database.close()
    assert [(await player.closed())[0] for player in players] == [4002] * 4
    first = await Player.join(url)
    assert first.marker == "X"
    assert len(first.users) == 1
