"""How many come in, in a second, of an address, into the house, into a line: at a limit and above.

Who is refused at the door is told why in plain HTTP, and takes nobody's place.
"""

import asyncio
import contextlib
import itertools
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from server.http.qr_codes import DRAWN_PER_SECOND, MOST_WAITING
from tests.lab.player import Player
from tests.lab.raw import Raw, upgrade_request
from tests.lab.server_process import ServerProcess
from tests.server.conftest import Certificate

StartServer = Callable[..., ServerProcess]

IMPATIENCE = 2.5
IMPATIENT = ("--handshake-seconds", f"{IMPATIENCE}")
# What somebody may have said of a request when the line goes quiet.
UNFINISHED = [
    b"GET / HTTP/1.1\r\nX-",
    b"",
    b"G",
    b"GET / HTTP/1.1\r\nHost: x\r\n",
    upgrade_request("/")[:-2],
]


@pytest.fixture
def tls_house(tmp_path: Path, certificate: Certificate | None) -> Iterator[ServerProcess | None]:
    """A server that speaks TLS and is impatient, where a certificate can be made."""
    if certificate is None:
        yield None
        return
    server = ServerProcess(tmp_path / "tls.db", (*certificate.flags, *IMPATIENT))
    yield server
    server.kill()


class Answer(NamedTuple):
    """What the door said."""

    status: int
    why: str
    headers: dict[str, str]


async def knock(server: ServerProcess, path: str, **headers: str) -> Answer:
    """Ask for a v1 socket; whoever gets one has been shown everything."""
    raw = await Raw.connect(server.port)
    status, answer = await raw.request(upgrade_request(path, ["winner-stays.v1"], **headers))
    if status == 101:
        await raw.until_action("gameUpdate")
        return Answer(status, "", answer)
    async with asyncio.timeout(10):
        return Answer(status, (await raw.reader.read()).decode(), answer)


async def fetch(server: ServerProcess, path: str) -> Answer:
    """Ask for a page."""
    raw = await Raw.connect(server.port)
    status, headers = await raw.request(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    async with asyncio.timeout(10):
        return Answer(status, (await raw.reader.read()).decode(), headers)


async def until_let_in(server: ServerProcess, path: str) -> None:
    """Knock until the door opens."""
    async with asyncio.timeout(5):
        while (await knock(server, path)).status != 101:
            pass


async def test_handshakes_per_second(start_server: StartServer) -> None:
    server = start_server("--handshakes-per-second", "5")
    began = time.monotonic()
    answers = [await knock(server, "/") for _ in range(12)]
    statuses = [answer.status for answer in answers]
    taken = time.monotonic() - began
    assert statuses[:5] == [101] * 5
    assert 503 in statuses
    # The bucket fills up by five a second while we knock.
    assert statuses.count(101) <= 5 + 5 * taken
    refused = answers[statuses.index(503)]
    assert (refused.why, refused.headers["retry-after"]) == ("too many at once\n", "1")
    assert refused.headers["x-content-type-options"] == "nosniff"
    # Pages, and those who are refused anyway, use nothing up and are not kept waiting.
    for _ in range(20):
        assert (await knock(server, "/nothing/here")).status == 404
        assert (await knock(server, "/", Origin="http://evil.example")).status == 403
    raw = await Raw.connect(server.port)
    assert (await raw.request(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
    await until_let_in(server, "/")


async def test_rooms(start_server: StartServer) -> None:
    server = start_server("--max-rooms", "3", "--resume-seconds", "0.5")
    tenants = [await Player.join(f"{server.ws_url}/{room}") for room in ("", "red", "blue")]
    assert (await knock(server, "/green"))[:2] == (503, "there are too many rooms\n")
    # The rooms there are have room for more.
    assert (await knock(server, "/red")).status == 101
    assert (await knock(server, "/lobby")).status == 101
    # A page of a room is no room.
    raw = await Raw.connect(server.port)
    assert (await raw.request(b"GET /green HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
    # A room is in use as long as there is a row; then its place is free.
    tenants[2].vanish()
    await until_let_in(server, "/green")
    assert (await knock(server, "/blue")).status == 503


async def test_rooms_asked_for_at_once(start_server: StartServer) -> None:
    server = start_server("--max-rooms", "5")
    answers = await asyncio.gather(*(knock(server, f"/room-{n}") for n in range(60)))
    assert sorted(answer.status for answer in answers) == [101] * 5 + [503] * 55


async def test_waiting_line(start_server: StartServer) -> None:
    server = start_server("--max-waiting", "3")
    url = server.ws_url
    players = [await Player.join(url) for _ in range(5)]
    assert players[-1].standing == {"action": "joinedQueue", "status": "inactive", "position": 3}
    assert (await knock(server, "/"))[:2] == (503, "the line is full\n")
    assert (await knock(server, "/red")).status == 101
    # Who only watches comes in, and does not get in line from there.
    screen = await Player.join(url, watch=True)
    refusal = await screen.ask(action="joinQueue")
    assert refusal["statusCode"] == 409
    assert "full" in refusal["body"]["message"]
    assert (await players[-1].ask(action="joinQueue"))["statusCode"] == 200
    # Who has a place comes back to it, however full it is.
    lost = players[3]
    lost.vanish()
    await screen.until_absent(lost.id)
    assert (await knock(server, "/")).status == 503
    back = await Player.join(url, session=lost.session)
    assert (back.id, back.standing["position"]) == (lost.id, 2)
    # One goes, one comes.
    await players[2].ask(action="leaveQueue")
    await screen.until_true(lambda: screen.waiting == 2)
    assert (await screen.ask(action="joinQueue"))["statusCode"] == 200
    assert (await players[2].ask(action="joinQueue"))["statusCode"] == 409
    assert "Traceback" not in server.log_text()


async def test_last_place_in_line_is_wanted_by_many(start_server: StartServer) -> None:
    server = start_server("--max-waiting", "3")

    async def come() -> int:
        raw = await Raw.connect(server.port)
        status, _ = await raw.request(upgrade_request("/", ["winner-stays.v1"]))
        if status != 101:
            return status
        # Whoever is late by less than a commit is told so by the close code.
        while True:
            opcode, payload = await raw.receive()
            if opcode == 8:
                return int.from_bytes(payload[:2])
            if raw.messages[-1].get("action") == "gameUpdate":
                return status

    answers = await asyncio.gather(*(come() for _ in range(40)))
    assert answers.count(101) == 5
    assert set(answers) <= {101, 503, 1013}
    screen = await Player.join(server.ws_url, watch=True)
    assert (len(screen.users), screen.waiting) == (5, 3)
    assert "Traceback" not in server.log_text()


async def test_connections_of_an_address_behind_a_proxy(start_server: StartServer) -> None:
    server = start_server(
        *("--max-connections-per-address", "2", "--trusted-proxies", "127.0.0.0/8,192.0.2.1")
    )

    async def status(forwarded: str) -> int:
        return (await knock(server, "/", **{"X-Forwarded-For": forwarded})).status

    assert [await status("203.0.113.9") for _ in range(3)] == [101, 101, 429]
    assert await status("1.2.3.4, 203.0.113.9") == 429  # made up by the client
    assert await status("203.0.113.9, 192.0.2.1") == 429
    assert [await status("203.0.113.9, 203.0.113.10") for _ in range(3)] == [101, 101, 429]
    assert [await status("2001:db8::1") for _ in range(2)] == [101, 101]
    assert await status("2001:db8::ffff") == 429
    assert await status("2001:db8:0:1::1") == 101
    # Two header lines are one list.
    raw = await Raw.connect(server.port)
    two = b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 203.0.113.9\r\nSec-WebSocket-Version"
    request = upgrade_request("/").replace(b"Sec-WebSocket-Version", two)
    assert (await raw.request(request))[0] == 429


async def test_places_kept_for_the_absent_count_for_their_address(
    start_server: StartServer,
) -> None:
    server = start_server(
        *("--max-connections-per-address", "2", "--trusted-proxies", "127.0.0.1"),
        *("--resume-seconds", "4"),
    )
    screen = await Player.join(f"{server.ws_url}/red", watch=True)
    home = {"X-Forwarded-For": "203.0.113.9"}

    async def come(path: str, *protocols: str) -> tuple[int, Raw]:
        raw = await Raw.connect(server.port)
        request = upgrade_request(path, ["winner-stays.v1", *protocols], **home)
        status, _ = await raw.request(request)
        if status == 101:
            await raw.until_action("gameUpdate")
        return status, raw

    _, ann = await come("/red")
    _, bob = await come("/red")
    session = ann.messages[0]["sessionId"]
    began = time.monotonic()
    for raw in (ann, bob):
        raw.reset()
    await screen.until_true(lambda: sum("absent" in u for u in screen.users.values()) == 2)
    assert (await knock(server, "/green", **home)).status == 429
    assert (await knock(server, "/green", **{"X-Forwarded-For": "203.0.113.10"})).status == 101
    # Who comes back takes the place that is kept, and nobody else's.
    status, ann = await come("/red", f"session.{session}")
    assert status == 101
    assert ann.messages[0]["sessionId"] == session
    assert (await knock(server, "/green", **home)).status == 429
    # A place that is given up is nobody's.
    async with asyncio.timeout(10):
        while (await knock(server, "/green", **home)).status != 101:
            pass
    assert time.monotonic() - began > 3.9


async def test_vanishing_quickly_leaves_no_place_that_is_not_counted(
    start_server: StartServer,
) -> None:
    server = start_server("--max-connections-per-address", "2")
    statuses = []
    for _ in range(60):
        raw = await Raw.connect(server.port)
        status, _ = await raw.request(upgrade_request("/", ["winner-stays.v1"]))
        # Each of these is a commit of its own, which its end has to wait for.
        for n in range(15 if status == 101 else 0):
            raw.send(1, json.dumps({"action": "updateDB", "username": f"{n}"}).encode())
        raw.reset()
        statuses.append(status)
    assert statuses == [101] * 2 + [429] * 58


@pytest.mark.parametrize("seed", [True, False])
async def test_who_leaves_makes_room_at_once(start_server: StartServer, *, seed: bool) -> None:
    server = start_server("--max-connections-per-address", "2")
    stays = await Player.join(server.ws_url)
    for _ in range(50):
        goes = await Player.join(server.ws_url, seed=seed)
        await goes.leave()
    await Player.join(server.ws_url)
    assert (await knock(server, "/")).status == 429
    assert (await stays.ask(action="sendInfo"))["statusCode"] == 200


async def test_old_socket_that_leaves_takes_no_place_along(start_server: StartServer) -> None:
    server = start_server("--max-connections-per-address", "2")
    old = await Raw.upgrade(server.port, "/")
    await old.until_action("gameUpdate")
    # It says goodbye, and hangs up after its user has come back.
    old.send_close(1000)
    back = await Player.join(server.ws_url, session=old.messages[0]["sessionId"])
    await old.cut_off()
    assert (await back.ask(action="sendInfo"))["statusCode"] == 200
    assert (await knock(server, "/")).status == 101
    assert (await knock(server, "/")).status == 429


async def test_return_needs_no_second_place(start_server: StartServer) -> None:
    server = start_server("--max-connections-per-address", "2")
    guests = [await Player.join(server.ws_url) for _ in range(2)]
    assert (await knock(server, "/")).status == 429
    # All at once, and while nobody knows yet of the end of the old sockets.
    back = await asyncio.gather(
        *(Player.join(server.ws_url, session=guest.session) for guest in guests)
    )
    assert [player.id for player in back] == [guest.id for guest in guests]
    assert (await knock(server, "/")).status == 429


async def test_absent_are_not_more_than_the_house_can_hold(start_server: StartServer) -> None:
    server = start_server("--max-absent", "2")
    screen = await Player.join(server.ws_url, watch=True)
    ann, bob, cat = [await Player.join(server.ws_url) for _ in range(3)]
    cat.vanish()
    await screen.until_absent(cat.id)
    assert (await knock(server, "/")).status == 101
    bob.vanish()
    await screen.until_absent(bob.id)
    full = (503, "too many places are held for disconnected users\n")
    assert (await knock(server, "/"))[:2] == full
    assert (await knock(server, "/red"))[:2] == full
    # Nobody who is there or comes back is kept out, and then there is room again.
    assert (await ann.ask(action="sendInfo"))["statusCode"] == 200
    back = await Player.join(server.ws_url, session=bob.session)
    assert back.id == bob.id
    assert (await knock(server, "/")).status == 101
    # After a restart all are absent.
    server.kill()
    again = start_server("--max-absent", "2")
    assert (await knock(again, "/"))[:2] == full
    assert (await Player.join(again.ws_url, session=ann.session)).id == ann.id


async def test_nobody_is_believed_who_is_no_proxy(start_server: StartServer) -> None:
    server = start_server("--max-connections-per-address", "2")
    answers = [
        (await knock(server, "/", **{"X-Forwarded-For": f"203.0.113.{n}"})).status for n in range(3)
    ]
    assert answers == [101, 101, 429]


async def test_handshake_that_is_not_finished_is_cut_off(
    start_server: StartServer, tls_house: ServerProcess | None
) -> None:
    server = start_server(*IMPATIENT)
    begun = [(server, text) for text in UNFINISHED]
    if tls_house is not None:
        begun += [(tls_house, b""), (tls_house, b"\x16\x03\x01\x02\x00\x01")]
    began = time.monotonic()
    callers = []
    for house, text in begun:
        callers.append(await Raw.connect(house.port))
        callers[-1].writer.write(text)
    # The first one goes on and on, a letter every now and then.
    dripping = asyncio.create_task(drip(callers[0], itertools.repeat(b"x")))
    # Another one takes its time, and is done in time.
    slow = await Raw.connect(server.port)
    request = upgrade_request("/slow")
    await drip(slow, [request[n : n + 20] for n in range(0, len(request), 20)])
    assert time.monotonic() - began < IMPATIENCE
    assert (await slow.request(b""))[0] == 101
    for caller in callers:
        async with asyncio.timeout(IMPATIENCE + 3):
            with contextlib.suppress(ConnectionError):
                assert await caller.reader.read(1) == b"", "nobody was answered"
    assert IMPATIENCE - 0.1 < time.monotonic() - began < IMPATIENCE + 3
    await asyncio.gather(dripping)
    assert (await knock(server, "/after")).status == 101


async def test_qr_codes_of_new_rooms(start_server: StartServer) -> None:
    server = start_server()
    began = time.monotonic()
    codes = [f"/static/qr/room-{number}.svg" for number in range(200)]
    *answers, health = await asyncio.gather(
        *(fetch(server, path) for path in codes), fetch(server, "/healthz")
    )
    drawn = [path for path, answer in zip(codes, answers, strict=True) if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert health.status == 200
    assert 1 <= len(drawn) <= MOST_WAITING + DRAWN_PER_SECOND * (time.monotonic() - began)
    for answer in refused:
        assert (answer.status, answer.why) == (503, "too many QR codes at once\n")
        assert answer.headers["retry-after"] == "1"
    # Those that were drawn are kept, and the others can be drawn later.
    for path in drawn:
        assert (await fetch(server, path)).why.startswith("<?xml")
    async with asyncio.timeout(20):
        while (await fetch(server, "/static/qr/later.svg")).status != 200:
            pass


async def test_unfinished_handshakes_push_each_other_out(start_server: StartServer) -> None:
    server = start_server("--max-unfinished", "3")
    request = upgrade_request("/")

    async def begin() -> Raw:
        caller = await Raw.connect(server.port)
        caller.writer.write(request[:20])
        return caller

    first, second = await begin(), await begin()
    # A page is the third, and nobody has to go.
    page = await Raw.connect(server.port)
    assert (await page.request(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
    await page.cut_off()
    for caller in (first, second):
        assert (await caller.request(request[20:]))[0] == 101
    # With one more the oldest has to, so that who is quick comes in.
    crowd = [await begin() for _ in range(3)]
    assert (await knock(server, "/")).status == 101
    await crowd[0].cut_off()
    assert (await knock(server, "/")).status == 101
    # Whoever is in does not count, and stays.
    for caller in crowd[1:]:
        assert (await caller.request(request[20:]))[0] == 101
    for caller in (first, second, *crowd[1:]):
        caller.send(1, b'{"action": "sendInfo"}')
        await caller.until_action("gameUpdate")


async def test_request_that_is_there_goes_before_the_crowd_behind_it(
    start_server: StartServer,
) -> None:
    server = start_server("--max-unfinished", "64")
    server.process.send_signal(signal.SIGSTOP)
    quick = await Raw.connect(server.port)
    quick.writer.write(upgrade_request("/"))
    for _ in range(500):
        await Raw.connect(server.port)
    server.process.send_signal(signal.SIGCONT)
    assert (await quick.request(b""))[0] == 101


async def test_unfinished_handshakes_leave_files_for_those_who_are_quick(tmp_path: Path) -> None:
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512));"
    program = ("-c", f"{few} from server.__main__ import main; main()")
    server = ServerProcess(tmp_path / "few.db", program=program)
    try:
        player = await Player.join(server.ws_url)
        silent = [await Raw.connect(server.port) for _ in range(600)]
        assert (await knock(server, "/")).status == 101
        for caller in silent[:200]:
            await caller.cut_off()
        assert (await player.ask(action="sendInfo"))["statusCode"] == 200
        silent[-1].writer.write(upgrade_request("/"))
        assert (await silent[-1].request(b""))[0] == 101
        assert "out_of_files" not in server.log_text()
    finally:
        server.kill()


async def test_out_of_files_the_log_says_so_once(start_server: StartServer) -> None:
    server = start_server("--handshake-seconds", "2")
    pid = server.process.pid
    files = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (files + 20, files + 20))
    callers = [await Raw.connect(server.port) for _ in range(40)]
    for caller in callers:
        await caller.cut_off()
    assert (await knock(server, "/")).status == 101
    assert "Traceback" not in server.log_text()
    told = [line for line in server.log_lines() if line["level"] != "info"]
    # With uvloop there is nothing to be said: it hangs up on whom it cannot take.
    assert [line["event"] for line in told] in ([], ["out_of_files"])


async def drip(caller: Raw, pieces: Iterable[bytes]) -> None:
    """Send one piece every now and then, until hung up on."""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            caller.writer.write(piece)
            await caller.writer.drain()
            await asyncio.sleep(0.1)  # the slowness itself
