"""Every kind of HTTP answer bears the headers that keep a browser on our side."""

import pytest

from server.http.pages import SECURITY_HEADERS
from tests.lab.raw import Raw, upgrade_request
from tests.lab.server_process import ServerProcess


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--max-connections", "1")


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


ANSWERS = {
    "page": (get("/"), 200),
    "room": (get("/red"), 200),
    "file": (get("/static/app.js"), 200),
    "head": (get("/", method="HEAD"), 200),
    "code": (get("/static/qr/red.svg"), 200),
    "health": (get("/healthz"), 200),
    "readiness": (get("/readyz"), 200),
    "metrics": (get("/metrics"), 200),
    "known": (get("/", "If-None-Match: *"), 304),
    "nothing": (get("/nothing/here"), 404),
    "method": (get("/", method="DELETE"), 405),
    "no room": (upgrade_request("/no/room"), 404),
    "foreign page": (upgrade_request("/", Origin="http://evil.example"), 403),
    "old version": (upgrade_request("/").replace(b"n: 13", b"n: 8"), 400),
    "no key": (upgrade_request("/").replace(b"Sec-WebSocket-Key", b"X-Key"), 400),
    "no upgrade": (upgrade_request("/").replace(b"Connection: Upgrade", b"X: y"), 426),
}


async def ask(server: ServerProcess, request: bytes) -> tuple[int, dict[str, str]]:
    raw = await Raw.connect(server.port)
    try:
        return await raw.request(request)
    finally:
        raw.writer.close()


def check(headers: dict[str, str]) -> None:
    for name, value in SECURITY_HEADERS.items():
        assert headers[name.lower()] == value
    assert "server" not in headers, "nobody need know what we are made of"


@pytest.mark.parametrize(("request_", "status"), ANSWERS.values(), ids=ANSWERS)
async def test_answer_is_secured(house: ServerProcess, request_: bytes, status: int) -> None:
    answered, headers = await ask(house, request_)
    assert answered == status
    check(headers)


async def test_refusal_for_want_of_room_is_secured(house: ServerProcess) -> None:
    inside = await Raw.upgrade(house.port, "/")
    status, headers = await ask(house, upgrade_request("/"))
    assert status == 503
    check(headers)
    inside.writer.close()
