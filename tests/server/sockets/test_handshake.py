"""At the door: which rooms there are, whose pages may come in, how many, and as what."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from websockets.exceptions import InvalidStatus

from tests.lab.player import Player
from tests.lab.raw import Raw, frame, upgrade_request
from tests.lab.server_process import ServerProcess


async def knock(server: ServerProcess, path: str, **headers: str) -> int:
    """Ask for a WebSocket; return the status of the answer."""
    raw = await Raw.connect(server.port)
    status, _ = await raw.request(upgrade_request(path, **headers))
    return status


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/", "lobby"),
        ("/lobby", "lobby"),
        ("/?watch=1", "lobby"),
        ("/red?session=abc&x=/../y", "red"),
        ("/0", "0"),
        ("/9-", "9-"),
        ("/" + "a" * 32, "a" * 32),
        ("/static-", "static-"),
    ],
)
async def test_path_names_the_room(house: ServerProcess, path: str, room: str) -> None:
    player = await Player.join(house.ws_url + path)
    assert player.hello["room"] == room


@pytest.mark.parametrize(
    "path",
    [
        "/" + "a" * 33,
        "/Red",
        "/-red",
        "/red/",
        "/red/blue",
        "//",
        "//red",
        "/re_d",
        "/r%65d",
        "/../red",
        "/static",
        "/static/app.js",
        "/static/qr/red.svg",
        "/healthz",
        "/readyz",
        "/metrics",
        "/metrics?x=1",
        "*",
        "red",
    ],
)
async def test_there_are_no_other_rooms(house: ServerProcess, path: str) -> None:
    assert await knock(house, path) == 404


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, "play.example", 101),
        ("http://play.example", "play.example", 101),
        ("https://play.example", "play.example", 101),
        ("http://PLAY.example", "play.EXAMPLE", 101),
        ("http://play.example:8080", "play.example:8080", 101),
        ("http://play.example:80", "play.example", 101),
        ("https://play.example", "play.example:443", 101),
        ("http://evil.example", "play.example", 403),
        ("http://sub.play.example", "play.example", 403),
        ("http://play.example.evil", "play.example", 403),
        ("http://evil-play.example", "play.example", 403),
        ("http://play.example:8081", "play.example:8080", 403),
        ("http://play.example@evil.example", "play.example", 403),
        ("null", "play.example", 403),
        ("", "play.example", 403),
        ("play.example", "play.example", 403),
    ],
)
async def test_foreign_pages_are_refused(
    house: ServerProcess, origin: str | None, host: str, status: int
) -> None:
    headers = {"host": host} if origin is None else {"host": host, "Origin": origin}
    assert await knock(house, "/origins", **headers) == status
    # What is no room is no room, whoever asks.
    assert await knock(house, "/metrics", **headers) == 404


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ([], None),
        (["chat"], None),
        (["watch"], None),
        (["WINNER-STAYS.V1"], None),
        (["winner-stays.v1"], "winner-stays.v1"),
        (["chat, winner-stays.v1"], "winner-stays.v1"),
        (["session.x", "watch", "winner-stays.v1"], "winner-stays.v1"),
    ],
)
async def test_subprotocol(house: ServerProcess, offered: list[str], selected: str | None) -> None:
    raw = await Raw.connect(house.port)
    status, headers = await raw.request(upgrade_request("/protocols", offered))
    assert (status, headers.get("sec-websocket-protocol")) == (101, selected)
    assert "sec-websocket-extensions" not in headers
    await raw.until_action("gameUpdate")
    assert ("sessionId" in raw.messages[0]) is (selected is not None)


@pytest.mark.parametrize("token", ["", "x", "'--", "a" * 3000, "~" * 24, "null"])
async def test_token_that_is_garbage_comes_in_as_new(house: ServerProcess, token: str) -> None:
    raw = await Raw.upgrade(house.port, "/tokens", ["winner-stays.v1", f"session.{token}"])
    await raw.until_action("gameUpdate")
    assert len(raw.messages[0]["sessionId"]) > 20


async def test_token_to_enter_and_to_resume_are_not_mixed_up(house: ServerProcess) -> None:
    ann = await Player.join(f"{house.ws_url}/mixed")
    for token in (ann.id, ann.session[:-1], ann.session + "x", ann.session.swapcase()):
        other = await Player.join(f"{house.ws_url}/mixed", session=token)
        assert other.id != ann.id
    back = await Player.join(f"{house.ws_url}/mixed", session=ann.session, watch=True)
    assert (back.id, back.marker) == (ann.id, "X")


@pytest.mark.parametrize(
    "change",
    [
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"),
        (b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", b""),
        (b"AAAAAAAAAAAAAAAAAAAAAA==", b"short"),
        (b"Connection: Upgrade", b"Connection: close"),
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: " + b"9" * 8000),
        (b"AAAAAAAAAAAAAAAAAAAAAA==", b"\xe9" * 8000),
        (b"Upgrade: websocket", b"\r\n".join([b"Upgrade: websocket, " + b"x" * 7000] * 2)),
    ],
    ids=lambda change: str(change[1])[:40],
)
async def test_botched_handshake_is_refused(
    house: ServerProcess, change: tuple[bytes, bytes]
) -> None:
    raw = await Raw.connect(house.port)
    status, headers = await raw.request(upgrade_request("/botched").replace(*change))
    assert 400 <= status < 500
    assert int(headers["content-length"]) <= 1024, "garbage is not repeated at length"
    await raw.cut_off()


async def test_headers_beyond_reason_are_not_looked_at(house: ServerProcess) -> None:
    def request(size: int) -> bytes:
        cookies = "".join(f"Cookie: {'x' * 7000}\r\n" for _ in range(3)) + "Cookie: "
        head = upgrade_request("/headers")[:-2] + cookies.encode()
        return head + b"x" * (size - len(head) - 4) + b"\r\n\r\n"

    assert (await (await Raw.connect(house.port)).request(request(24 * 1024)))[0] == 101
    assert (await (await Raw.connect(house.port)).request(request(24 * 1024 + 1)))[0] == 431
    lists = f"Sec-WebSocket-Protocol: {'a,' * 4000}a\r\n" * 4
    too_many = upgrade_request("/headers").replace(b"\r\n\r\n", f"\r\n{lists}\r\n".encode())
    assert (await (await Raw.connect(house.port)).request(too_many))[0] == 431
    # Nor are those kept that never come to an end.
    endless = b"GET / HTTP/1.1\r\n" + b"X-Padding: 1234567890\r\n" * 2000
    raw = await Raw.connect(house.port)
    status, headers = await raw.request(endless)
    assert (status, headers["x-content-type-options"]) == (431, "nosniff")
    await raw.cut_off()


async def test_refusal_is_given_once_however_much_is_still_sent(house: ServerProcess) -> None:
    raw = await Raw.connect(house.port)
    status, headers = await raw.request(b"GET /" + b"x" * 9000)
    assert status == 414
    await raw.reader.readexactly(int(headers["content-length"]))
    raw.writer.write(b"x" * 30_000)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(15):
            assert await raw.reader.read() == b""


async def test_pages_come_by_the_same_port_and_the_connection_ends(house: ServerProcess) -> None:
    for path, status in [("/healthz", 200), ("/readyz?x=1", 200), ("/nothing/here", 404)]:
        raw = await Raw.connect(house.port)
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        answered, headers = await raw.request(request)
        assert answered == status
        assert headers["x-content-type-options"] == "nosniff"
        await raw.cut_off()
    raw = await Raw.connect(house.port)
    status, headers = await raw.request(b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "noise",
    [
        b"\0" * 5000,
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\r\n" * 100,
        b"HELO me\r\n\r\n",
    ],
    ids=["zeros", "no path", "tls", "lines", "smtp"],
)
async def test_noise_is_no_handshake(house: ServerProcess, noise: bytes) -> None:
    raw = await Raw.connect(house.port)
    raw.writer.write(noise)
    raw.writer.write_eof()
    await raw.cut_off()
    assert await knock(house, "/after-noise") == 101


async def test_full_house(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--max-connections", "3", "--max-connections-per-address", "2")
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    assert await knock(server, "/") == 429
    assert await knock(server, "/metrics") == 404
    assert await knock(server, "/", Origin="http://evil.example") == 403
    raw = await Raw.connect(server.port)
    assert (await raw.request(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
    await bob.leave()
    await ann.until_true(lambda: bob.id not in ann.users)
    cleo = await Player.join(server.ws_url)
    # Refusals, failed handshakes and those who hang up at the door take no place for ever.
    ann.vanish()
    for _ in range(50):
        raw = await Raw.connect(server.port)
        raw.writer.write(upgrade_request("/"))
        raw.reset()
    for change in [(b"13", b"8"), (b"AAAA==", b"")] * 3:
        raw = await Raw.connect(server.port)
        assert (await raw.request(upgrade_request("/").replace(*change)))[0] >= 400
    async with asyncio.timeout(10):
        while True:
            try:
                dan = await Player.join(server.ws_url, session=ann.session)
            except InvalidStatus:
                await cleo.sync()  # the last of them is still on the way out
            else:
                break
    assert dan.id == ann.id
    assert await knock(server, "/") == 429
    assert "Traceback" not in server.log_text(), server.log_text()[-3000:]


async def test_house_that_is_full_answers_503(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--max-connections", "2")
    ann, _ = [await Player.join(server.ws_url) for _ in range(2)]
    with pytest.raises(InvalidStatus) as refusal:
        await Player.join(server.ws_url)
    assert refusal.value.response.status_code == 503
    # Resuming takes a second socket for a moment, and there is none.
    assert await knock(server, "/") == 503
    await ann.leave()
    async with asyncio.timeout(5):
        while await knock(server, "/") != 101:
            pass


@pytest.mark.parametrize(
    "more",
    [
        b"\r\n",
        b"body",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff" * 20,
        frame(8, b"\x03\xe8"),
        frame(1, b"{}") * 9,
    ],
    ids=["line", "body", "request", "noise", "close", "texts"],
)
async def test_request_with_more_behind_it_is_no_fault_of_ours(
    house: ServerProcess, more: bytes
) -> None:
    requests = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /static/qr/red.svg HTTP/1.1\r\nHost: x\r\n\r\n",
        upgrade_request("/more"),
        upgrade_request("/no/room"),
    ]
    for request in requests:
        raw = await Raw.connect(house.port)
        raw.writer.write(request + more)
        raw.writer.write_eof()
        await raw.cut_off()
        raw = await Raw.connect(house.port)
        raw.writer.write(request + more)
        assert await knock(house, "/more") == 101
        raw.reset()
    assert "Traceback" not in house.log_text()


async def test_origins_that_are_named_replace_the_servers_own(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server("--allowed-origins", "https://play.example.com,http://localhost:5173")
    for origin in ("https://play.example.com", "http://localhost:5173"):
        assert await knock(server, "/", Origin=origin) == 101
    for origin in ("https://example.com", "http://play.example.com", "http://127.0.0.1", "null"):
        assert await knock(server, "/", Origin=origin) == 403
    assert await knock(server, "/") == 101


async def test_seed_clients_off_refuses_them_at_the_door(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server("--seed-clients", "off")
    for offered in ([], ["chat"], ["watch", "session.x"]):
        raw = await Raw.connect(server.port)
        status, headers = await raw.request(upgrade_request("/", offered))
        body = await raw.reader.readexactly(int(headers["content-length"]))
        assert (status, headers["x-content-type-options"]) == (403, "nosniff")
        assert body == b"this server takes only clients that offer winner-stays.v1\n"
        await raw.cut_off()
    # Pages, other refusals and v1 clients are as ever.
    for path, expected in [("/", 200), ("/healthz", 200), ("/nothing/here", 404)]:
        raw = await Raw.connect(server.port)
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert (await raw.request(request))[0] == expected
    assert await knock(server, "/metrics") == 404
    ann = await Player.join(server.ws_url)
    assert (ann.marker, ann.waiting, ann.spectators) == ("X", 0, 0)


async def test_seed_clients_are_let_in_by_default(house: ServerProcess) -> None:
    assert await knock(house, "/seed") == 101
