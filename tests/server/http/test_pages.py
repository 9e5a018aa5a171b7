"""What a GET yields, by itself and over a real socket."""

import asyncio
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import segno
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from server.http.pages import SECURITY_HEADERS, Pages, refuse, room_of
from server.http.qr_codes import MOST_WAITING
from storage.contract import StoreUnavailable

INDEX = b"<!doctype html><title>Winner Stays</title>"


class Health:
    """A store's ping, which can be made to fail."""

    ill = False

    async def ping(self) -> None:
        if self.ill:
            raise StoreUnavailable("disk full")


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "icons").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    (folder / "index.html").write_bytes(INDEX)
    (folder / "app.js").write_text("export {};\n")
    (folder / "style.css").write_text("body { color: red }\n")
    (folder / "icons" / "x.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "hand.woff2").write_bytes(b"wOF2")
    (folder / "hand.mystery").write_bytes(b"?")
    (folder / ".secret").write_text("secret")
    (folder / "__pycache__" / "a.pyc").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def pages(static: Path, health: Health) -> Pages:
    return Pages(
        public_url="https://play.example",
        metrics=lambda: ("text/plain; version=0.0.4; charset=utf-8", b"up 1\n"),
        ready=health.ping,
        static=static,
    )


async def ask(pages: Pages, path: str, method: str = "GET", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await pages.respond(Request(path, Headers(named), method))


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/", "lobby"),
        ("/?name=x", "lobby"),
        ("/lobby", "lobby"),
        ("/a", "a"),
        ("/7-of-us", "7-of-us"),
        ("/a-", "a-"),
        ("/" + "a" * 32, "a" * 32),
        ("/game-night?x=/y", "game-night"),
    ],
)
def test_a_path_names_a_room(path: str, room: str) -> None:
    assert room_of(path) == room


@pytest.mark.parametrize(
    "path",
    [
        *("/static", "/healthz", "/readyz", "/metrics"),
        *("", "lobby", "//", "/a/", "/a/b", "/-a", "/A", "/a_b", "/a.b", "/%61", "/é", "/a\n"),
        "/" + "a" * 33,
    ],
)
def test_other_paths_name_none(path: str) -> None:
    assert room_of(path) is None


@pytest.mark.parametrize("path", ["/", "/lobby", "/game-night", "/?x=1", "/static/index.html"])
async def test_every_room_is_the_same_page(pages: Pages, path: str) -> None:
    response = await ask(pages, path)
    assert (response.status_code, response.body) == (200, INDEX)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/static/app.js", "text/javascript; charset=utf-8"),
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/icons/x.svg", "image/svg+xml"),
        ("/static/hand.woff2", "font/woff2"),
        ("/static/hand.mystery", "application/octet-stream"),
        ("/static/app.js?v=2", "text/javascript; charset=utf-8"),
    ],
)
async def test_files_have_their_content_type(pages: Pages, path: str, content_type: str) -> None:
    response = await ask(pages, path)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    "path",
    [
        "/static",
        "/static/",
        "/static/nothing.js",
        "/static/.secret",
        "/static/__pycache__/a.pyc",
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static//etc/passwd",
        "/static/icons",
        "/static/qr/",
        "/static/qr/Lobby.svg",
        "/static/qr/static.svg",
        "/static/qr/a/b.svg",
        "/static/qr/lobby.png",
        "/index.html",
        "/favicon.ico",
        "/a/b",
        "//",
        "*",
        "http://play.example/",
    ],
)
async def test_all_else_is_not_found(pages: Pages, path: str) -> None:
    response = await ask(pages, path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"secret" not in response.body


async def test_an_unchanged_file_is_not_sent_again(pages: Pages) -> None:
    etag = (await ask(pages, "/static/app.js")).headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        response = await ask(pages, "/static/app.js", If_None_Match=known)
        assert (response.status_code, response.body) == (304, b"")
        assert response.headers["ETag"] == etag
        assert "Content-Length" not in response.headers
    response = await ask(pages, "/static/app.js", If_None_Match='"other"')
    assert (response.status_code, response.body) == (200, b"export {};\n")


async def test_different_files_have_different_etags(pages: Pages) -> None:
    tags = {(await ask(pages, p)).headers["ETag"] for p in ("/", "/static/app.js", "/a")}
    assert len(tags) == 2


@pytest.mark.parametrize(
    ("room", "address"),
    [("lobby", "https://play.example/"), ("game-night", "https://play.example/game-night")],
)
async def test_a_qr_code_leads_to_the_room(pages: Pages, room: str, address: str) -> None:
    response = await ask(pages, f"/static/qr/{room}.svg")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert response.headers["ETag"]
    svg = ET.fromstring(response.body)
    assert svg.findtext("{http://www.w3.org/2000/svg}title") == address
    code = segno.make(address, error="m", micro=False)
    width, height = code.symbol_size(border=4)
    assert svg.get("viewBox") == f"0 0 {width} {height}"
    assert "width" not in svg.attrib
    assert b"style=" not in response.body, "the policy would not let it through"
    assert _dark_modules(svg, width) == {
        (x, y)
        for y, row in enumerate(code.matrix_iter(border=4))
        for x, dark in enumerate(row)
        if dark
    }


def _dark_modules(svg: ET.Element, width: float) -> set[tuple[int, int]]:
    """Draw the SVG's black lines on squared paper."""
    (path,) = (p for p in svg.iter() if p.get("stroke"))
    modules, x, y = set[tuple[int, int]](), 0, 0.0
    for move, dx, dy, length in re.findall(r"([Mm])(-?\d+) (-?[\d.]+)h(\d+)", path.get("d") or ""):
        x, y = (int(dx), float(dy)) if move == "M" else (x + int(dx), y + float(dy))
        modules |= {(x + step, int(y)) for step in range(int(length))}
        x += int(length)
    assert all(0 <= x < width for x, _ in modules)
    return modules


async def test_the_address_in_a_qr_code_may_be_found_out_later(
    static: Path, health: Health
) -> None:
    port = 0
    pages = Pages(
        public_url=lambda: f"http://a.example:{port}",
        metrics=lambda: ("text/plain", b""),
        ready=health.ping,
        static=static,
    )
    port = 8080
    response = await ask(pages, "/static/qr/lobby.svg")
    assert b"<title>http://a.example:8080/</title>" in response.body


async def test_qr_codes_are_drawn_up_to_a_limit_and_kept(pages: Pages) -> None:
    rooms = [f"/static/qr/room-{number}.svg" for number in range(3 * MOST_WAITING)]
    responses = await asyncio.gather(*(ask(pages, room) for room in rooms))
    statuses = [response.status_code for response in responses]
    assert statuses == [200] * MOST_WAITING + [503] * (2 * MOST_WAITING)
    assert responses[-1].headers["Retry-After"] == "1"
    assert responses[-1].headers["Cache-Control"] == "no-store"
    again = await asyncio.gather(*(ask(pages, room) for room in rooms[:MOST_WAITING]))
    assert [response.body for response in again] == [
        response.body for response in responses[:MOST_WAITING]
    ]


async def test_a_code_that_many_wait_for_is_drawn_once(pages: Pages) -> None:
    asked = [ask(pages, "/static/qr/red.svg") for _ in range(3 * MOST_WAITING)]
    hangs_up, *others = map(asyncio.ensure_future, asked)
    await asyncio.sleep(0)
    hangs_up.cancel()
    assert {response.status_code for response in await asyncio.gather(*others)} == {200}


async def test_health_readiness_and_metrics(pages: Pages, health: Health) -> None:
    assert (await ask(pages, "/healthz")).body == b"ok\n"
    ready = await ask(pages, "/readyz")
    assert (ready.status_code, ready.body) == (200, b"ready\n")
    metrics = await ask(pages, "/metrics")
    assert metrics.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert metrics.body == b"up 1\n"
    for response in (ready, metrics):
        assert response.headers["Cache-Control"] == "no-store"

    health.ill = True
    not_ready = await ask(pages, "/readyz")
    assert (not_ready.status_code, not_ready.body) == (503, b"the store does not answer\n")
    assert (await ask(pages, "/healthz")).status_code == 200


PATHS = ["/", "/static/app.js", "/static/qr/lobby.svg", "/healthz", "/readyz", "/metrics", "/a/b"]


@pytest.mark.parametrize("path", PATHS)
async def test_head_has_the_headers_of_get_and_no_body(pages: Pages, path: str) -> None:
    get, head = await ask(pages, path), await ask(pages, path, "HEAD")
    assert head.body == b""
    assert head.status_code == get.status_code
    assert int(head.headers["Content-Length"]) == len(get.body) > 0
    assert {k: v for k, v in head.headers.items() if k != "date"} == {
        k: v for k, v in get.headers.items() if k != "date"
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
async def test_other_methods_are_refused(pages: Pages, method: str) -> None:
    response = await ask(pages, "/", method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


async def test_every_response_is_secured(pages: Pages) -> None:
    responses = [await ask(pages, path) for path in PATHS]
    responses += [
        await ask(pages, "/", "POST"),
        await ask(pages, "/", If_None_Match="*"),
        refuse(403, "this origin may not connect\n"),
    ]
    assert {response.status_code for response in responses} == {200, 304, 403, 404, 405}
    for response in responses:
        for name, value in SECURITY_HEADERS.items():
            assert response.headers.get_all(name) == [value]
        assert response.headers["Connection"] == "close"
        assert parsedate_to_datetime(response.headers["Date"])
    assert "unsafe" not in SECURITY_HEADERS["Content-Security-Policy"]


def test_a_refusal_is_a_short_text() -> None:
    response = refuse(503, "the house is full\n")
    assert (response.status_code, response.reason_phrase) == (503, "Service Unavailable")
    assert response.body == b"the house is full\n"
    assert response.headers["Content-Length"] == "18"


@pytest.fixture
async def port(pages: Pages) -> AsyncIterator[int]:
    async def process_request(_: ServerConnection, request: Request) -> Response:
        return await pages.respond(request)

    async def never(_: ServerConnection) -> None:
        raise AssertionError("nothing is let in")

    async with serve(never, "127.0.0.1", 0, process_request=process_request) as server:
        yield server.sockets[0].getsockname()[1]


async def over_the_wire(port: int, request: str) -> tuple[str, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request}\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def test_a_page_over_the_wire(port: int) -> None:
    status, headers, body = await over_the_wire(port, "GET /game-night HTTP/1.1")
    assert status == "HTTP/1.1 200 OK"
    assert body == INDEX
    assert headers["Content-Length"] == str(len(INDEX))
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_head_and_unchanged_over_the_wire(port: int) -> None:
    status, headers, body = await over_the_wire(port, "HEAD / HTTP/1.1")
    assert (status, body) == ("HTTP/1.1 200 OK", b"")
    assert headers["Content-Length"] == str(len(INDEX))
    again = f"GET / HTTP/1.1\r\nIf-None-Match: {headers['ETag']}"
    status, headers, body = await over_the_wire(port, again)
    assert (status, body) == ("HTTP/1.1 304 Not Modified", b"")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /static/../secret.txt HTTP/1.1", "HTTP/1.1 404 Not Found"),
        ("DELETE /lobby HTTP/1.1", "HTTP/1.1 405 Method Not Allowed"),
        ("GET /healthz HTTP/1.0", "HTTP/1.1 200 OK"),
        ("GET /readyz HTTP/1.1", "HTTP/1.1 200 OK"),
        ("GET /static/qr/game-night.svg HTTP/1.1", "HTTP/1.1 200 OK"),
    ],
)
async def test_answers_over_the_wire(port: int, request_line: str, status: str) -> None:
    assert (await over_the_wire(port, request_line))[0] == status
