"""The opening handshake: which requests become a socket, for which room and kind of client.

It hooks into the handshake of `websockets`. A request that is not an upgrade is answered by
`pages`.
"""

import asyncio
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response

from server.http.pages import Pages, refuse, room_of, secure
from server.sockets import library
from server.sockets.admission import Admission, Refused, Visitor
from server.sockets.connection import Connection
from server.sockets.limits import Network, client_address, origin_allowed
from server.wire import messages

# The library's refusals quote the request; a longer refusal (bytes) is replaced by ours.
LARGEST_REFUSAL = 512


class Handshake:
    """Reads opening handshakes and asks for the admission of each :class:`Visitor`."""

    def __init__(
        self,
        pages: Pages,
        admission: Admission,
        *,
        seed_clients: bool,
        allowed_origins: tuple[str, ...] | None,
        trusted_proxies: tuple[Network, ...],
    ) -> None:
        self._pages = pages
        self._admission = admission
        self._seed_clients = seed_clients
        self._allowed_origins = allowed_origins
        self._trusted_proxies = trusted_proxies

    async def process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """Respond with a page or a refusal, or continue the handshake."""
        headers = request.headers
        if not any("websocket" in value.lower() for value in headers.get_all("Upgrade")):
            return await self._pages.respond(request)
        if room_of(request.path) is None:
            return refuse(HTTPStatus.NOT_FOUND, "there is no such room\n")
        origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
        origin, host = ",".join(origins) if origins else None, ",".join(hosts)
        if not origin_allowed(origin, host, self._allowed_origins):
            return refuse(HTTPStatus.FORBIDDEN, "this origin may not connect\n")
        if connection.transport.is_closing():
            return refuse(HTTPStatus.BAD_REQUEST, "the connection is closed\n")  # never delivered
        return None

    async def process_response(
        self, connection: ServerConnection, request: Request, response: Response
    ) -> Response | None:
        """Admit a client with a valid handshake, within the limits."""
        assert isinstance(connection, Connection), "the server creates connections of our class"
        visitor, refusal = None, None
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            visitor = self._visitor(connection, request)
            refusal = await self._pace(connection, visitor)
        if library.has_given_up(connection):
            # The bytes after the request were not a valid frame. The library has failed the
            # connection, and would raise an exception if it responded now.
            connection.transport.abort()
            await asyncio.shield(library.lost(connection))
            return None
        if visitor is not None:
            return refusal or self._admit(connection, visitor, response)
        if response.status_code >= 400 and len(response.body) > LARGEST_REFUSAL:
            return refuse(response.status_code, "this is not a WebSocket handshake\n")
        secure(response)
        return None

    async def _pace(self, connection: Connection, visitor: Visitor) -> Response | None:
        seconds = self._admission.seconds_to_wait(visitor)
        if seconds is None:
            text = "too much traffic from your address"
            return _refusal(Refused(HTTPStatus.TOO_MANY_REQUESTS, text, retry_after=1))
        if seconds:
            await asyncio.wait([library.lost(connection)], timeout=seconds)
        return None

    def _admit(
        self, connection: Connection, visitor: Visitor, response: Response
    ) -> Response | None:
        if not (visitor.v1 or self._seed_clients):
            text = f"this server takes only clients that offer {messages.SUBPROTOCOL}"
            return _refusal(Refused(HTTPStatus.FORBIDDEN, text))
        refused = self._admission.admit(connection, visitor)
        if refused is not None:
            return _refusal(refused)
        connection.visitor = visitor
        if visitor.v1:
            response.headers["Sec-WebSocket-Protocol"] = messages.SUBPROTOCOL
        return None

    def _visitor(self, connection: Connection, request: Request) -> Visitor:
        """Read the client's headers; the library has checked their syntax."""
        headers, room = request.headers, room_of(request.path)
        assert room is not None, "the request was for a room"
        peer = connection.remote_address
        forwarded = ",".join(headers.get_all("X-Forwarded-For"))
        address = client_address(str(peer[0]) if peer else "", forwarded, self._trusted_proxies)
        lines = headers.get_all("Sec-WebSocket-Protocol")
        offered = [protocol for line in lines for protocol in parse_subprotocol(line)]
        if messages.SUBPROTOCOL not in offered:
            return Visitor(room=room, address=address, v1=False)
        sessions = [
            protocol.removeprefix(messages.SESSION_PREFIX)
            for protocol in offered
            if protocol.startswith(messages.SESSION_PREFIX)
        ]
        return Visitor(
            room=room,
            address=address,
            v1=True,
            watch=messages.WATCH in offered,
            resume=sessions[-1] if sessions else None,
        )


def _refusal(refused: Refused) -> Response:
    refusal = refuse(refused.status, f"{refused.why}\n")
    if refused.retry_after is not None:
        refusal.headers["Retry-After"] = str(refused.retry_after)
    return refusal
