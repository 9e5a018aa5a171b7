"""Conversations with clients, from `$connect` to `$disconnect`.

The messages of one socket are handled one after another. None is read while the peer does not read
our answers, so a client cannot fill a queue in the server. A bad message is answered and does not
close its socket.
"""

import asyncio
import logging
import time
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from queue_engine.refusals import Refusal
from server.ops.metrics import Metrics
from server.rooms import handlers
from server.rooms.channel import Member
from server.rooms.handlers import Services
from server.rooms.routes import ROUTES, SERVER_ROUTES
from server.sockets import library
from server.sockets.connection import Connection
from server.sockets.limits import TokenBucket
from server.wire import messages
from server.wire.close_codes import ROOM_UNUSABLE, CloseCode
from storage.contract import RoomUnreadable, StoreUnavailable

logger = logging.getLogger(__name__)


class Conversations:
    """Serves each client; ``messages_per_second`` and ``burst`` limit every client's messages."""

    def __init__(
        self,
        services: Services,
        metrics: Metrics,
        *,
        messages_per_second: float,
        burst: int,
    ) -> None:
        self._services = services
        self._metrics = metrics
        self._rate = messages_per_second
        self._burst = burst
        self._closing = False

    def close(self) -> None:
        """Leave the rows of sockets that close from now on: the server is closing them."""
        self._closing = True

    async def hold(self, connection: ServerConnection) -> None:
        """Serve one client until its socket is gone."""
        assert isinstance(connection, Connection), "the server creates connections of our class"
        assert connection.visitor is not None, "it was admitted"
        if connection.has_vanished:
            return
        try:
            visitor = connection.visitor
            member, sequence = await handlers.connect(self._services, connection, visitor)
        except (StoreUnavailable, Refusal):
            connection.shut(CloseCode.TRY_AGAIN_LATER)
            return
        except RoomUnreadable:
            connection.shut(CloseCode.INTERNAL_ERROR, ROOM_UNUSABLE)
            return
        try:
            await member.channel.welcome(member, sequence)
            _log(member, "connected", "connection opened")
            await self._listen(member)
        except (ConnectionClosed, OSError, RoomUnreadable):
            pass  # the connection is gone, or is being closed
        finally:
            await self._disconnect(member)

    async def _disconnect(self, member: Member) -> None:
        self._metrics.closed(member.connection.end_code)
        if not self._closing:
            with suppress(StoreUnavailable, RoomUnreadable):
                # If the room has ended, the row stays, and the next start makes its user absent.
                await handlers.disconnect(self._services, member)
            _log(member, "disconnected", "connection closed")

    async def _listen(self, member: Member) -> None:
        connection = member.connection
        library.free_request(connection)
        bucket = TokenBucket(self._rate, self._burst)
        while True:
            message = await connection.recv()
            if connection.shutting or connection.has_vanished:
                continue  # either side has ended the conversation; discard the rest
            if isinstance(message, bytes):
                connection.shut(CloseCode.UNSUPPORTED_DATA)
                continue
            await self._handle(member, message, bucket)
            await connection.drain()

    async def _handle(self, member: Member, text: str, bucket: TokenBucket) -> None:
        started = time.perf_counter()
        envelope = messages.open_envelope(text)
        if not bucket.take(time.monotonic()):
            self._answer(member, envelope, 429, {"message": "too many messages"}, route=None)
            if bucket.abusive(time.monotonic()):
                member.connection.shut(CloseCode.POLICY_VIOLATION)
            self._metrics.message(None, 429)
            # Receiving and draining may not suspend, so a flood would block the event loop.
            await asyncio.sleep(0)
            return
        action = envelope.action
        route = action if action in ROUTES or action in SERVER_ROUTES else None
        try:
            status_code, body = 200, await self._dispatch(member, envelope)
        except (messages.BadMessage, Refusal) as refusal:
            status_code, body = refusal.status_code, {"message": str(refusal)}
        except StoreUnavailable:
            status_code, body = 503, {"message": "the store cannot be written; try again"}
        except RoomUnreadable:
            status_code, body = 500, {"message": "internal error"}
        except Exception:
            # A bug in the server: the client gets a bare 500 and keeps its socket (design, 4.2).
            logger.exception(
                "a handler failed", extra={"room": member.channel.room, "route": route}
            )
            status_code, body = 500, {"message": "internal error"}
        if envelope.request_id is not None or status_code != 200:
            self._answer(member, envelope, status_code, body, route=route)
        self._metrics.message(route, status_code)
        logger.log(
            logging.DEBUG if status_code == 200 else logging.INFO,
            "message answered",
            extra={
                "action": "message",
                "room": member.channel.room,
                "connectionId": member.connection_id,
                "route": route,
                "statusCode": status_code,
                "duration_ms": round((time.perf_counter() - started) * 1000, 3),
            },
        )

    async def _dispatch(self, member: Member, envelope: messages.Envelope) -> handlers.Body:
        if envelope.error is not None:
            raise envelope.error
        if envelope.action in SERVER_ROUTES:
            raise messages.BadMessage(403, "only the server fires this route")
        route = ROUTES.get(envelope.action or "")
        if route is None:
            raise messages.BadMessage(404, "no such route")
        fields = messages.read_fields(route.fields, envelope.fields)
        return await route.handler(self._services, member, fields)

    def _answer(
        self,
        member: Member,
        envelope: messages.Envelope,
        status_code: int,
        body: handlers.Body,
        *,
        route: str | None,
    ) -> None:
        frame = messages.response(route, envelope.request_id, status_code, body)
        self._services.hub.outbox.push(member.connection, frame)


def _log(member: Member, action: str, message: str) -> None:
    extra = {
        "action": action,
        "room": member.channel.room,
        "connectionId": member.connection_id,
    }
    logger.info(message, extra=extra)
