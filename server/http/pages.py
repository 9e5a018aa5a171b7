"""HTTP responses: the browser client, its QR codes, health and metrics.

They are sent from the opening handshake of `websockets`, so each ends its connection. Files are
read once, at the start; no other file can be served.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from server.http.qr_codes import QrCodes, TooManyDrawings
from storage.contract import RoomName, StoreUnavailable

STATIC = Path(__file__).parents[2] / "static"
LOBBY = RoomName("lobby")
NO_ROOMS = frozenset({"static", "healthz", "readyz", "metrics"})

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# Not the system's table, which differs between machines.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
TEXT = CONTENT_TYPES[".txt"]

_ROOM = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_QR = re.compile(r"/static/qr/([^/]+)\.svg")


@dataclass(frozen=True, slots=True)
class Document:
    """The body of a GET response, which a browser may cache but must revalidate before each use."""

    content_type: str
    body: bytes
    etag: str


def room_of(path: str) -> RoomName | None:
    """Return the room that a request's path names, with or without a query."""
    name = path.partition("?")[0]
    if name == "/":
        return LOBBY
    name = name.removeprefix("/") if name.startswith("/") else ""
    return RoomName(name) if _ROOM.fullmatch(name) and name not in NO_ROOMS else None


def refuse(status: int, text: str) -> Response:
    """Return a plain text response, for a refusal in most cases."""
    headers = {"Content-Type": TEXT, "Cache-Control": "no-store"}
    return _response(status, text.encode(), headers)


def secure(response: Response) -> None:
    """Add the security headers to a response of the library."""
    for name, value in SECURITY_HEADERS.items():
        if name not in response.headers:
            response.headers[name] = value


class Pages:
    """Responds with the files in ``static``, QR codes, health and metrics.

    ``public_url`` is the server's address, without a trailing slash; ``metrics`` returns a content
    type and a body; ``ready`` returns when the store responds.
    """

    def __init__(
        self,
        *,
        public_url: str | Callable[[], str],
        metrics: Callable[[], tuple[str, bytes]],
        ready: Callable[[], Awaitable[None]],
        static: Path = STATIC,
    ) -> None:
        self._public_url = public_url
        self._metrics = metrics
        self._ready = ready
        self._qr_codes = QrCodes()
        self._files = dict(_read_files(static))

    async def respond(self, request: Request) -> Response:
        """Respond to a request that is not an upgrade."""
        if request.method not in ("GET", "HEAD"):
            response = refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD\n")
            response.headers["Allow"] = "GET, HEAD"
            return response
        response = await self._get(request)
        if request.method == "HEAD":
            response.body = b""
        return response

    async def _get(self, request: Request) -> Response:
        path = request.path.partition("?")[0]
        match path:
            case "/healthz":
                return refuse(HTTPStatus.OK, "ok\n")
            case "/readyz":
                return await self._readiness()
            case "/metrics":
                content_type, body = self._metrics()
                headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
                return _response(HTTPStatus.OK, body, headers)
        try:
            document = await self._document(path)
        except TooManyDrawings:
            response = refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many QR codes at once\n")
            response.headers["Retry-After"] = "1"
            return response
        if document is None:
            return refuse(HTTPStatus.NOT_FOUND, "there is nothing here\n")
        return _send(document, ",".join(request.headers.get_all("If-None-Match")))

    async def _readiness(self) -> Response:
        try:
            await self._ready()
        except StoreUnavailable:
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the store does not answer\n")
        return refuse(HTTPStatus.OK, "ready\n")

    async def _document(self, path: str) -> Document | None:
        if room_of(path) is not None:
            return self._files.get("/static/index.html")
        drawn = _QR.fullmatch(path)
        room = room_of(f"/{drawn[1]}") if drawn else None
        if room is None:
            return self._files.get(path)
        base = self._public_url if isinstance(self._public_url, str) else self._public_url()
        address = f"{base}/" if room == LOBBY else f"{base}/{room}"
        return _make_document(CONTENT_TYPES[".svg"], await self._qr_codes.get(address))


def _read_files(folder: Path) -> list[tuple[str, Document]]:
    files = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part.startswith((".", "__")) for part in parts):
            content_type = CONTENT_TYPES.get(file.suffix, "application/octet-stream")
            document = _make_document(content_type, file.read_bytes())
            files.append((f"/static/{'/'.join(parts)}", document))
    return files


def _make_document(content_type: str, body: bytes) -> Document:
    return Document(content_type, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _send(document: Document, if_none_match: str) -> Response:
    headers = {"ETag": document.etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if document.etag in known or "*" in known:
        response = _response(HTTPStatus.NOT_MODIFIED, b"", headers)
        # It would be 0, which is not the length of the document.
        del response.headers["Content-Length"]
        return response
    headers["Content-Type"] = document.content_type
    return _response(HTTPStatus.OK, document.body, headers)


def _response(status: int, body: bytes, headers: dict[str, str]) -> Response:
    """Return a response that ends its connection, with the headers common to all."""
    status = HTTPStatus(status)
    ours = Headers()
    ours["Date"] = formatdate(usegmt=True)
    ours["Connection"] = "close"
    ours["Content-Length"] = str(len(body))
    ours.update(SECURITY_HEADERS)
    ours.update(headers)
    return Response(status.value, status.phrase, ours, body)
