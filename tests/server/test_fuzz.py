"""Garbage over a real socket: whatever comes, a short refusal is the answer and no harm is done.

The module's server must not have logged an error or a traceback when it is over; see `house`.
"""

import contextlib
import itertools
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from server.rooms.routes import ROUTES, SERVER_ROUTES
from server.wire.messages import open_envelope
from tests.lab.raw import CLOSE, TEXT, frame, upgrade_request
from tests.lab.server_process import ServerProcess

LARGEST_ANSWER = 1024
LARGEST_MESSAGE = 4096
DEADLINE = 10.0
_numbers = itertools.count(1)
STATUS_CODES = {200, 400, 403, 404, 409}
# What the library and we close with when a frame is not as it should be; 1000 is the caller's own.
CLOSE_CODES = {1000, 1002, 1003, 1005, 1007, 1009}

# The same garbage every time: `make fuzz` is for finding new.
bounded = settings(max_examples=80, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    # Nothing changes by the passing of time, and the callers of the past are soon forgotten.
    return (
        *("--messages-per-second", "100000", "--burst", "100000"),
        *("--move-seconds", "0", "--resume-seconds", "1"),
    )


class Caller:
    """A blocking connection, which may become a WebSocket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._received = b""

    @classmethod
    def enter(cls, port: int, path: str, *protocols: str) -> "Caller":
        """Come into a room."""
        caller = cls(port)
        caller.send(upgrade_request(path, protocols))
        while b"\r\n\r\n" not in caller._received:
            caller._read()
        head, _, caller._received = caller._received.partition(b"\r\n\r\n")
        assert b" 101 " in head
        return caller

    def send(self, data: bytes) -> None:
        """Send bytes, as long as anybody reads them."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def last_words(self) -> bytes:
        """Say no more, and return all that still comes."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        while self._read():
            pass
        return self._received

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _read(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            return False
        self._received += data
        return bool(data)


def _parse(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Take the first frame off, if it is complete: opcode, payload and what comes after it."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4]), 4
    elif size == 127:
        size, start = int.from_bytes(data[2:10]), 10
    if len(data) < max(start, start + size):
        return None
    return data[0] & 15, data[start : start + size], data[start + size :]


@pytest.fixture(scope="module")
def player(house: ServerProcess) -> Iterator[tuple[ClientConnection, dict[str, str]]]:
    """One of two players, who is about to say a lot of nonsense; and what their ids are."""
    # They answer pings by themselves, and read all that they are told.
    options: dict[str, Any] = {
        "subprotocols": [Subprotocol("winner-stays.v1")],
        "max_queue": None,
        "ping_interval": None,
    }
    url = f"{house.ws_url}/fuzz"
    with connect(url, **options) as other, connect(url, **options) as player:
        them, me = [json.loads(one.recv(DEADLINE))["connectionId"] for one in (other, player)]
        yield player, {"me": me, "them": them}
        assert ask(player, '{"action":"joinQueue","requestId":"still here"}') is not None


def ask(player: ClientConnection, text: str) -> dict[str, Any] | None:
    """Send a message; return the response, if there is one."""
    number = f"after {next(_numbers)}"
    player.send(text)
    player.send(f'{{"action":"sendInfo","requestId":"{number}"}}')
    responses = []
    while True:
        payload = player.recv(DEADLINE)
        message = json.loads(payload)
        if message.get("action") != "response":
            continue
        assert len(payload.encode() if isinstance(payload, str) else payload) <= LARGEST_ANSWER
        if message.get("requestId") == number:
            break
        responses.append(message)
    assert len(responses) <= 1
    return responses[0] if responses else None


def json_values(depth: int = 20) -> st.SearchStrategy[Any]:
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(0, 9),
        st.floats(),
        st.text(max_size=40),
        st.sampled_from(["me", "them", "\ud800", "\0", "\u202e", "__proto__", "$connect"]),
    )
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
        ),
        max_leaves=depth,
    )


FIELDS = ("username", "cell", "loserId", "data", "game", "connectionId", "sessionId", "x")
VALID = {
    "action": st.sampled_from([*ROUTES, *SERVER_ROUTES]),
    "username": st.text(max_size=40),
    "cell": st.integers(-1, 9),
    "loserId": st.sampled_from(["me", "them", "nobody"]),
    "game": st.integers(0, 3),
}

NEEDED = {"updateDB": "username", "makeMove": "cell", "gameOVER": "loserId"}


@st.composite
def near_valid(draw: st.DrawFn) -> str:
    """Draw a message with something wrong with it, more often than not."""
    message: dict[str, Any] = {"action": draw(VALID["action"])}
    if (field := NEEDED.get(message["action"])) is not None:
        message[field] = draw(VALID[field])
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        message[field] = draw(st.one_of(VALID.get(field, st.nothing()), json_values(4)))
    if draw(st.booleans()):
        message["requestId"] = draw(st.text(max_size=70) | json_values(3))
    if draw(st.integers(0, 5)) == 0:
        message["action"] = draw(json_values(3))
    text = json.dumps(message, ensure_ascii=draw(st.booleans()) or _has_surrogate(message))
    if draw(st.integers(0, 3)) == 0:
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.text(max_size=3)) + text[cut + draw(st.integers(0, 3)) :]
    return text


def _has_surrogate(message: object) -> bool:
    return "\\ud" in json.dumps(message)


TEXTS = st.one_of(
    near_valid(),
    near_valid(),
    st.text(max_size=200),
    json_values().map(json.dumps),
    st.sampled_from("[{\"'").flatmap(lambda c: st.integers(1, 4000).map(lambda n: c * n)),
)


@bounded
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
def test_no_text_is_more_than_refused(
    player: tuple[ClientConnection, dict[str, str]],
    in_room: Callable[[str], int],
    texts: list[str],
) -> None:
    caller, ids = player
    for text in texts:
        for name, connection_id in ids.items():
            text = text.replace(f'"{name}"', f'"{connection_id}"')
        if len(text.encode()) > LARGEST_MESSAGE:
            continue
        before = in_room("fuzz")
        response = ask(caller, text)
        envelope = open_envelope(text)
        if response is None:
            assert envelope.error is None
            assert envelope.request_id is None
            continue
        assert response["statusCode"] in STATUS_CODES
        assert response.get("requestId") == envelope.request_id
        assert "connectionId" not in {*response, *response["body"]}
        if response["statusCode"] != 200:
            assert response["body"]["message"]
            assert in_room("fuzz") == before, "a refused message changes nothing"


FRAMES = st.builds(
    lambda opcode, payload, fin, rsv: bytes(
        [frame(opcode, payload, fin=fin)[0] | rsv, *frame(opcode, payload)[1:]]
    ),
    st.sampled_from([0, 0, 1, 1, 1, 2, 3, 7, 8, 9, 10, 11, 15]),
    st.binary(max_size=130) | near_valid().map(str.encode) | st.just(b" " * 5000),
    st.booleans(),
    st.sampled_from([0, 0, 0, 0, 0, 0x40, 0x20, 0x10]),
)


@bounded
@given(data=st.lists(st.one_of(FRAMES, FRAMES, st.binary(max_size=20)), max_size=8).map(b"".join))
def test_no_bytes_on_a_socket_do_any_harm(house: ServerProcess, data: bytes) -> None:
    with contextlib.closing(Caller.enter(house.port, "/bytes", "winner-stays.v1")) as caller:
        caller.send(data)
        rest = caller.last_words()
    while (parsed := _parse(rest)) is not None:
        opcode, payload, rest = parsed
        if opcode == CLOSE:
            assert not payload or int.from_bytes(payload[:2]) in _close_codes(data)
        elif opcode == TEXT and (message := json.loads(payload)).get("action") == "response":
            assert len(payload) <= LARGEST_ANSWER
            assert message["statusCode"] in STATUS_CODES
    assert rest == b""


def _close_codes(data: bytes) -> set[int]:
    """Return the codes to expect: whoever says goodbye hears the same code back."""
    said = {int.from_bytes(data[at : at + 2]) for at in range(len(data) - 1)}
    return CLOSE_CODES | {code for code in said if 1000 <= code < 5000}


HEADERS = st.sampled_from(
    [
        "Host: x",
        "Upgrade: websocket",
        "Upgrade: h2c",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Key: x",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 99",
        "Sec-WebSocket-Protocol: winner-stays.v1, session.\xe9",
        "Sec-WebSocket-Protocol: ,,",
        'Sec-WebSocket-Extensions: permessage-deflate; x="',
        "Origin: http://x",
        "Origin: \xff",
        "X-Forwarded-For: ,\0,",
        "Content-Length: 5",
        "Content-Length: -1",
        "Transfer-Encoding: chunked",
        'If-None-Match: W/"',
        "Range: bytes=0-",
    ]
)
REQUESTS = st.builds(
    lambda method, path, version, headers, end: "\r\n".join(
        [f"{method} {path} {version}", *headers, "", end]
    ).encode("latin-1", "replace"),
    st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "get", "", "\0"]),
    st.sampled_from(["/", "/fuzz", "/static/app.js", "/metrics", "*", "", "/%00", "/../x"])
    | st.text(max_size=30),
    st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2", ""]),
    st.lists(HEADERS | st.text(max_size=40), max_size=8),
    st.sampled_from(["", "\r\n", "body"]),
)


@bounded
@given(request=REQUESTS | st.binary(max_size=300))
def test_no_request_is_our_fault(house: ServerProcess, request: bytes) -> None:
    with contextlib.closing(Caller(house.port)) as caller:
        caller.send(request)
        answer = caller.last_words()
    assert answer[:9] in (b"", b"HTTP/1.1 ")
    assert not answer.startswith(b"HTTP/1.1 5")
