"""The door: who may open a socket, in which room, and as what kind of client.

It hooks into the opening handshake of `websockets`; every request that is no upgrade is a page.
"""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from . import messages
from .connection import Connection
from .limits import origin_allowed
from .pages import Pages, refuse, room_of


class Door:
    """Lets connections in, up to ``max_connections`` and so many per address (0 = no limit)."""

    def __init__(
        self,
        pages: Pages,
        *,
        allowed_origins: tuple[str, ...] | None,
        max_connections: int,
        max_connections_per_address: int,
    ) -> None:
        self._pages = pages
        self._allowed_origins = allowed_origins
        self._max_connections = max_connections
        self._max_per_address = max_connections_per_address
        self._inside: Counter[str] = Counter()
        self._count = 0

    async def process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """Answer with a page or a refusal, or let the handshake go on."""
        assert isinstance(connection, Connection), "the server makes our connections"
        headers = request.headers
        if not any("websocket" in value.lower() for value in headers.get_all("Upgrade")):
            return await self._pages.respond(request)
        room = room_of(request.path)
        if room is None:
            return refuse(HTTPStatus.NOT_FOUND, "there is no such room\n")
        origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
        origin, host = ",".join(origins) if origins else None, ",".join(hosts)
        if not origin_allowed(origin, host, self._allowed_origins):
            return refuse(HTTPStatus.FORBIDDEN, "this origin may not connect\n")
        if connection.transport.is_closing():
            return refuse(HTTPStatus.BAD_REQUEST, "you have hung up\n")  # nobody hears this
        peer = connection.remote_address
        address = str(peer[0]) if peer else ""
        if self._count >= self._max_connections:
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the house is full\n")
        if 0 < self._max_per_address <= self._inside[address]:
            text = "too many connections from your address\n"
            return refuse(HTTPStatus.TOO_MANY_REQUESTS, text)
        self._let_in(connection, address)
        connection.room = room
        return None

    def select_subprotocol(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        """Tell a v1 client from one of the seed, and read what else the v1 client says."""
        assert isinstance(connection, Connection), "the server makes our connections"
        if messages.SUBPROTOCOL not in offered:
            return None
        connection.v1 = True
        connection.watch = messages.WATCH in offered
        for protocol in offered:
            if protocol.startswith(messages.SESSION_PREFIX):
                connection.resume = protocol.removeprefix(messages.SESSION_PREFIX)
        return Subprotocol(messages.SUBPROTOCOL)

    def _let_in(self, connection: Connection, address: str) -> None:
        self._count += 1
        self._inside[address] += 1

        def leave() -> None:
            self._count -= 1
            self._inside[address] -= 1
            if not self._inside[address]:
                del self._inside[address]

        connection.on_lost = leave
