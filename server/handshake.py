"""The door: it decides which clients get a socket, in which room, and as what kind of client.

It hooks into the opening handshake of `websockets`; a request that is no upgrade gets a page.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from queue_engine.engine import Engine

from . import messages
from .channel import Member
from .connection import Connection
from .limits import Network, TokenBucket, client_address, origin_allowed
from .pages import Pages, refuse, room_of, secure
from .places import Places

# Always allow this many handshakes, so that a refused client can be told why.
LEAST_UNFINISHED = 16
# The library's refusals quote the request; a longer one (bytes) is replaced by ours.
LARGEST_REFUSAL = 512


class Door:
    """Admits connections up to every limit; a limit per address of 0 is no limit.

    The limit per address counts places. An address may have twice as many sockets, because users
    may come back before their old sockets are closed.
    """

    def __init__(
        self,
        pages: Pages,
        engine: Engine,
        places: Places,
        *,
        seed_clients: bool,
        allowed_origins: tuple[str, ...] | None,
        trusted_proxies: tuple[Network, ...],
        handshakes_per_second: float,
        max_connections: int,
        max_connections_per_address: int,
        max_unfinished: int,
        max_sockets: int,
        max_absent: int,
        max_rooms: int,
    ) -> None:
        self._pages = pages
        self._engine = engine
        self._places = places
        self._seed_clients = seed_clients
        self._allowed_origins = allowed_origins
        self._trusted_proxies = trusted_proxies
        self._handshakes = TokenBucket(handshakes_per_second, int(handshakes_per_second))
        self._max_rooms = max_rooms
        self._max_connections = max_connections
        self._max_per_address = max_connections_per_address
        self._max_unfinished = max_unfinished
        self._max_sockets = max_sockets
        self._max_absent = max_absent
        self._unfinished: dict[Connection, None] = {}  # the oldest comes first
        self._inside: Counter[str] = Counter()
        self._count = 0

    def come(self, connection: Connection) -> None:
        """Note a connection that has not sent its request yet; if there are too many, cut one off.

        That is the oldest: a request takes a moment, so the oldest is the least likely to finish,
        and a crowd of silent connections keeps nobody out.
        """
        self._unfinished[connection] = None
        connection.on_lost = lambda: self._unfinished.pop(connection, None)
        room = max(LEAST_UNFINISHED, self._max_sockets - self._count)
        if len(self._unfinished) > min(self._max_unfinished, room):
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            oldest.transport.abort()

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
        forwarded = ",".join(headers.get_all("X-Forwarded-For"))
        connection.address = client_address(
            str(peer[0]) if peer else "", forwarded, self._trusted_proxies
        )
        connection.room = room
        return None

    def select_subprotocol(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        """Tell v1 clients from seed clients, and read what else a v1 client offers."""
        assert isinstance(connection, Connection), "the server makes our connections"
        if messages.SUBPROTOCOL not in offered:
            return None
        connection.v1 = True
        connection.watch = messages.WATCH in offered
        for protocol in offered:
            if protocol.startswith(messages.SESSION_PREFIX):
                connection.resume = protocol.removeprefix(messages.SESSION_PREFIX)
        return Subprotocol(messages.SUBPROTOCOL)

    async def process_response(
        self, connection: ServerConnection, _: Request, response: Response
    ) -> Response | None:
        """Admit a client whose handshake is valid, if there is room."""
        assert isinstance(connection, Connection), "the server makes our connections"
        if connection.protocol.eof_sent:
            # The request was followed by bytes that are no frame. The library has given up on the
            # connection, and would raise an exception if it answered now.
            connection.transport.abort()
            await asyncio.shield(connection.connection_lost_waiter)
            return None
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            refusal = self._refusal(connection)
            if refusal is None:
                self._let_in(connection)
            return refusal
        if response.status_code >= 400 and len(response.body) > LARGEST_REFUSAL:
            return refuse(response.status_code, "this is no WebSocket handshake\n")
        secure(response)
        return None

    def _refusal(self, connection: Connection) -> Response | None:
        room, address, full = connection.room, connection.address, HTTPStatus.SERVICE_UNAVAILABLE
        if not (connection.v1 or self._seed_clients):
            text = f"this server takes only clients that offer {messages.SUBPROTOCOL}\n"
            return refuse(HTTPStatus.FORBIDDEN, text)
        if self._count >= self._max_connections:
            return refuse(full, "the house is full\n")
        returning = self._engine.whose(room, connection.resume)
        connection.returning = returning is not None and self._places.is_of(returning, address)
        # A returning user has a place already, and perhaps a socket that is not known to be gone.
        held = self._places.of_address(address) - connection.returning
        if 0 < self._max_per_address <= max(held, self._inside[address] // 2):
            text = "too many connections from your address\n"
            return refuse(HTTPStatus.TOO_MANY_REQUESTS, text)
        if returning is None and self._places.absent >= self._max_absent:
            return refuse(full, "too many places are kept for people who are gone\n")
        if room not in self._engine and self._engine.room_count >= self._max_rooms:
            return refuse(full, "there are too many rooms\n")
        if not (connection.watch or returning or self._engine.has_place(room)):
            return refuse(full, "the line is full\n")
        # Last, so that clients which are refused anyway use up no handshakes.
        if not self._handshakes.take(time.monotonic()):
            refusal = refuse(full, "too many at once\n")
            refusal.headers["Retry-After"] = "1"
            return refusal
        return None

    def _let_in(self, connection: Connection) -> None:
        address = connection.address
        self._unfinished.pop(connection, None)
        self._count += 1
        self._inside[address] += 1

        def leave() -> None:
            member = connection.listener
            if isinstance(member, Member) and (connection.was_left or not connection.v1):
                self._places.leave(member)
            self._count -= 1
            self._inside[address] -= 1
            if not self._inside[address]:
                del self._inside[address]

        connection.on_lost = leave
