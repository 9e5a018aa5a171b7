"""How sockets end: every close code, and peers that do not read, do not answer, or do not stop."""

import asyncio
import sqlite3
import struct
import time
from collections.abc import Callable

import pytest

from server.sockets.allowance import LEAST_FRAMES
from tests.lab.player import Player
from tests.lab.raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, frame
from tests.lab.server_process import ServerProcess


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--resume-seconds", "300", "--seat-seconds", "300", "--move-seconds", "0")


async def guest(house: ServerProcess, room: str, *, receive_buffer: int | None = None) -> Raw:
    """Let a raw v1 client in, and read its welcome."""
    raw = await Raw.upgrade(house.port, f"/{room}", receive_buffer=receive_buffer)
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
        (frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 64, 1009),
        (frame(TEXT, b"x" * 70000), 1009),
        (frame(TEXT) * 21000, 1008),
        (frame(TEXT) * (LEAST_FRAMES + 1), 1008),
        (frame(PING) * (LEAST_FRAMES + 1), 1008),
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
    raw.writer.close()
    # Its own doing, but no farewell: the seat is kept.
    await ann.until_absent(name_of(raw))
    back = await Player.join(f"{house.ws_url}/{room}", session=str(raw.messages[0]["sessionId"]))
    assert back.id == name_of(raw)


LAST_WORDS = [
    frame(BINARY, b"{}"),
    frame(TEXT, b" " * 4097),
    frame(TEXT, b"\xff"),
    frame(3),
    frame(CLOSE, struct.pack("!H", 1000)),
]


async def test_who_does_not_hang_up_is_cut_off(house: ServerProcess, room: str) -> None:
    screen = await Player.join(f"{house.ws_url}/{room}", watch=True)
    guests = [await guest(house, room) for _ in LAST_WORDS]
    await screen.until_true(lambda: len(screen.users) == len(guests))
    started = time.monotonic()
    for raw, last_words in zip(guests, LAST_WORDS, strict=True):
        raw.writer.write(last_words)
    await screen.until_true(lambda: not any(_is_there(screen, name_of(raw)) for raw in guests))
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
    game = await bob.ended()
    assert (game["status"], game["winner"], game["board"]) == ("abandoned", "O", "....X....")
    await cleo.until_marker("X")
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


async def test_flood_of_pings_that_reads_every_pong(house: ServerProcess, room: str) -> None:
    raw = await guest(house, room)
    ann = await Player.join(f"{house.ws_url}/{room}")
    for _ in range(8):  # 240 KB; all messages that are allowed in a second have 40
        raw.writer.write(frame(PING) * 5000)
    assert await raw.close_code() == 1008
    await ann.until_true(lambda: not _is_there(ann, name_of(raw)))
    # The other one plays on.
    assert (await ann.ask(action="sendInfo"))["statusCode"] == 200


async def test_flood_of_pings_that_reads_no_pong(
    start_server: Callable[..., ServerProcess], room: str
) -> None:
    # Where a client may say as much as it likes, it is the pongs in the buffer that tell.
    house = start_server("--messages-per-second", "100000", "--burst", "100000")
    raw = await guest(house, room, receive_buffer=4096)
    ann = await Player.join(f"{house.ws_url}/{room}")
    raw.stop_reading()
    pings = frame(PING, b"x" * 125) * 500

    async def flood() -> None:
        while True:
            raw.writer.write(pings)
            await raw.writer.drain()

    flooding = asyncio.create_task(flood())
    # Not when it has been slow for long enough: as soon as the buffer grows by pongs alone.
    await ann.until_true(lambda: not _is_there(ann, name_of(raw)))
    with pytest.raises(ConnectionError):
        await flooding


async def test_fifty_messages_in_one_segment_keep_their_socket(
    house: ServerProcess, room: str
) -> None:
    raw = await guest(house, room)
    renames = [
        f'{{"action":"updateDB","username":"Ann {n}","requestId":"{n}"}}'.encode()
        for n in range(50)
    ]
    raw.writer.write(b"".join(frame(TEXT, rename) for rename in renames))
    answers = [await raw.until_action("response") for _ in renames]
    assert [answer["requestId"] for answer in answers] == [f"{n}" for n in range(50)]
    codes = [answer["statusCode"] for answer in answers]
    assert codes[:20] == [200] * 20
    assert set(codes) == {200, 429}
    raw.send(PING, b"still here")
    while await raw.receive() != (PONG, b"still here"):
        pass


async def test_messages_of_a_socket_that_is_gone_are_not_handled(
    start_server: Callable[..., ServerProcess], room: str
) -> None:
    house = start_server("--burst", "100")
    raw = await guest(house, room)
    ann = await Player.join(f"{house.ws_url}/{room}")
    texts = [f'{{"action":"updateDB","username":"Name {n}"}}'.encode() for n in range(100)]
    raw.writer.write(b"".join(frame(TEXT, text) for text in texts))
    raw.writer.transport.abort()
    await ann.until_true(lambda: not _is_there(ann, name_of(raw)))
    await ann.hear_all()
    assert ann.users[name_of(raw)].get("username") != "Name 99"


async def test_flood_slows_down_the_next_handshakes_of_its_address(
    start_server: Callable[..., ServerProcess],
) -> None:
    house = start_server()
    flooder = await guest(house, "lobby")
    flooder.writer.write(frame(TEXT) * (LEAST_FRAMES + 1))
    assert await flooder.close_code() == 1008
    started = time.monotonic()
    await asyncio.gather(*(guest(house, "lobby") for _ in range(41)))
    assert time.monotonic() - started > 0.95  # 25 ms each


async def test_half_closed_connection_with_unread_bytes_is_cut_off(
    start_server: Callable[..., ServerProcess], room: str
) -> None:
    freely = ("--messages-per-second", "1000000", "--burst", "1000000")
    house = start_server(*freely, "--max-buffer-bytes", "100000000")
    raw = await guest(house, room, receive_buffer=4096)
    ann = await Player.join(f"{house.ws_url}/{room}")
    raw.stop_reading()
    # 10 MB of pongs, more than the kernel takes: the rest waits in the server.
    for _ in range(80):
        raw.writer.write(frame(PING, b"x" * 125) * 1000)
        await raw.writer.drain()
    raw.send(TEXT, b'{"action":"updateDB","username":"All pinged"}')
    await ann.until_named(name_of(raw), "All pinged")
    assert _is_there(ann, name_of(raw))
    raw.writer.write_eof()
    await ann.until_true(lambda: not _is_there(ann, name_of(raw)))


def fill(house: ServerProcess, room: str, users: int) -> None:
    """Let so many stand in line, by hand: a long list is a large frame."""
    rows = [(f"{room}-{n}", room, "😀" * 32) for n in range(users)]
    with sqlite3.connect(house.database) as database:
        database.executemany(
            "INSERT INTO users (connection_id, room, username) VALUES (?, ?, ?)", rows
        )
    database.close()


async def choke(house: ServerProcess, room: str) -> tuple[Player, list[Raw], int]:
    """Have two seed clients that do not read miss many lists; return who caused them, and how many.

    A list is some 75 KB, and the kernel holds some 6 MB for a connection.
    """
    ann = await Player.join(f"{house.ws_url}/{room}")
    await Player.join(f"{house.ws_url}/{room}")
    fill(house, room, 250)
    await ann.until_true(lambda: ann.waiting == 250)
    stuck = []
    for _ in range(2):
        raw = await Raw.upgrade(house.port, f"/{room}", [], receive_buffer=4096)
        await raw.until_action("gameUpdate")
        raw.stop_reading()
        stuck.append(raw)
    lists = 110
    for number in range(lists):
        await ann.ask(action="updateDB", username=f"Ann {number}")
        await ann.until_named(ann.id, f"Ann {number}")
    return ann, stuck, lists


async def test_reader_that_is_stuck(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--messages-per-second", "10000", "--burst", "10000")
    ann, (slow, stuck), lists = await choke(server, "stuck")
    # Who reads again has missed some, and is shown how things are now.
    slow.read_on()
    count = len(slow.messages)
    while not _knows(slow, ann.id, f"Ann {lists - 1}"):
        await slow.receive()
    await slow.until_action("gameUpdate")
    kinds = [message.get("action") for message in slow.messages[count:]]
    assert kinds[-3:] == ["joinedQueue", "queueUpdate", "gameUpdate"]
    assert kinds.count("queueUpdate") < lists
    # From then on it hears everything again.
    await ann.ask(action="updateDB", username="Ann again")
    await slow.until_action("queueUpdate")
    assert _knows(slow, ann.id, "Ann again")
    # Who does not is closed after 20 s.
    await slow.leave(1000)
    await ann.until_true(lambda: ann.waiting == 251)
    started = time.monotonic()
    ann.patience = 30
    alive = asyncio.create_task(_show_signs_of_life(stuck))
    # Meanwhile others get stuck, who will still be when the server is told to stop.
    await choke(server, "stop")
    await ann.until_true(lambda: ann.waiting == 250)
    alive.cancel()
    assert 15 < time.monotonic() - started < 23
    assert "4008" in str(await _metrics(server))
    # More do not answer, or never spoke.
    silent = await Raw.upgrade(server.port, "/stop-silent")
    half = await Raw.connect(server.port)
    half.writer.write(b"GET / HTTP/1.1\r\nHost")
    for _ in range(5):
        await Raw.connect(server.port)
    code, taken = await asyncio.to_thread(server.stop)
    assert code == 0
    assert taken < 5
    assert (await ann.closed())[0] == 1001
    assert await silent.close_code() == 1001
    assert "Traceback" not in server.log_text()


async def _show_signs_of_life(raw: Raw) -> None:
    """Send a pong a second: it lives, it just does not read."""
    while True:
        raw.send(PONG)
        await asyncio.sleep(1)


async def test_reader_that_is_owed_less_than_the_limit_misses_nothing(
    start_server: Callable[..., ServerProcess],
) -> None:
    flags = ("--messages-per-second", "10000", "--burst", "10000")
    server = start_server(*flags, "--max-buffer-bytes", "10000000")
    ann, (slow, _), lists = await choke(server, "slow")
    slow.read_on()
    while not _knows(slow, ann.id, f"Ann {lists - 1}"):
        await slow.receive()
    assert _names(slow, ann.id)[-lists:] == [f"Ann {number}" for number in range(lists)]


def _knows(raw: Raw, connection_id: str, name: str) -> bool:
    return _names(raw, connection_id)[-1] == name


def _names(raw: Raw, connection_id: str) -> list[str | None]:
    lists = [m["data"] for m in raw.messages if m.get("action") == "queueUpdate"]
    found = [next(u for u in users if u["connectionId"] == connection_id) for users in lists]
    return [user.get("username") for user in found]


async def _metrics(server: ServerProcess) -> bytes:
    raw = await Raw.connect(server.port)
    await raw.request(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    return await raw.reader.read()
