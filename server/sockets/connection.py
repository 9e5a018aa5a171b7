"""One client's socket: the size of its request, its outgoing frames, and its closing.

Frames wait in ``outgoing`` until the :class:`Outbox` writes them. A socket whose peer does not read
is ``paused``. This module knows nothing of users, the line or the game.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from server.http.pages import refuse
from server.sockets import library
from server.sockets.admission import Socket, Visitor
from server.sockets.allowance import Allowance
from server.wire.close_codes import CloseCode

# The library accepts 128 lines of 8 KB and searches all of them for commas. A browser's request is
# smaller than this (bytes), even with the headers that proxies add.
MOST_REQUEST_BYTES = 24 * 1024
# A socket over its buffer limit for this long (seconds) is closed with 4008.
SLOW_SECONDS = 20.0
# A peer that does not answer a close is cut off after this long (seconds).
CLOSE_SECONDS = 2.0


class Listener(Protocol):
    """Receives events of a connection."""

    def drained(self) -> None:
        """The peer had stopped reading and has now caught up."""


class Census(Protocol):
    """Counts connections."""

    def arrived(self, socket: "Connection") -> Allowance | None:
        """A client has connected and sent nothing yet; return what it may send."""

    def flooded(self, socket: "Connection") -> None:
        """The client has exceeded its allowance and is being cut off."""

    def lost(self, socket: "Connection") -> None:
        """The connection is lost."""


class Connection(ServerConnection):
    """A WebSocket connection of the server.

    ``visitor`` is set once it is admitted; ``listener`` is told when the peer has caught up.
    """

    def __init__(self, *args: Any, census: Census, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.visitor: Visitor | None = None
        self.outgoing: list[bytes] = []
        self.heard = True
        self.pinged = False
        self.shutting = False
        self._allowance: Allowance | None = None
        self.listener: Listener | None = None
        self._census = census
        self._slow_timer: asyncio.TimerHandle | None = None
        self._cut_off_timer: asyncio.TimerHandle | None = None
        self._request_bytes = 0
        self._limit: int = self.write_limit_high  # bytes; drained means down to a quarter
        self._deaf = False
        self._owed = 0  # bytes in the buffer when the peer stopped reading

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self.protocol.state is State.OPEN

    @property
    def has_vanished(self) -> bool:
        """Whether the peer hung up without a close frame; messages before one still count."""
        return self.protocol.state is State.CLOSED and not library.has_close(self.protocol)

    @property
    def was_left(self) -> bool:
        """Whether the peer started the close, with 1000 or without a code.

        A peer that answers our own close with 1000 has not left on purpose.
        """
        close, by_peer = library.first_close(self.protocol)
        return by_peer and close is not None and close.code in (1000, 1005)

    @property
    def end_code(self) -> int:
        """The close code of the side that started the close, or 1006 if neither did.

        The library's own ``close_code`` is 1006 whenever the peer has not answered our close.
        """
        close, _ = library.first_close(self.protocol)
        return int(close.code) if close is not None else 1006

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; its client has sent nothing yet."""
        super().connection_made(transport)
        self._allowance = self._census.arrived(self)

    def cut_off(self) -> None:
        """Drop the TCP connection without a close frame."""
        self.transport.abort()

    def shut(self, code: CloseCode, reason: str | None = None) -> None:
        """Close without waiting, so that a stuck reader cannot block the caller."""
        if self.is_open:
            self.write_outgoing()
            self.protocol.send_close(code, reason or code.reason)
            self.send_data()
        self.shutting = True
        self._cut_off_later()

    def write_outgoing(self) -> None:
        """Write all waiting frames at once."""
        frames, self.outgoing = self.outgoing, []
        if frames and self.is_open:
            self.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def send_data(self) -> None:
        """Write what the library has to send at once; it may be many pongs."""
        library.join_writes(self.protocol)
        super().send_data()

    def data_received(self, data: bytes) -> None:
        """Note that the peer is alive, and check its allowance before the library parses the data.

        The library handles pongs internally, so this is the only place that sees them.
        """
        self.heard = True
        if self.protocol.state is State.CONNECTING and not library.has_given_up(self):
            self._request_bytes += len(data)
            if self._request_bytes > MOST_REQUEST_BYTES:
                self._stop_reading()
                status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self.protocol.send_response(refuse(status, "too many headers\n"))
                self.send_data()
                self._cut_off_later()
        if self._deaf:
            self.transport.pause_reading()  # the library has resumed it
            return
        refusal = self._allowance.refusal(self.loop.time(), data) if self._allowance else None
        if refusal is not None:
            self._stop_reading()
            self._census.flooded(self)
            if self.protocol.state is State.CONNECTING:
                self.transport.abort()
            else:
                self.shut(refusal)
            return
        super().data_received(data)
        if self.protocol.state is State.CLOSING:
            # After a close frame from the peer, the library waits until the peer hangs up.
            self._cut_off_later()
        if self.paused and self.transport.get_write_buffer_size() > self._owed + self._limit:
            # The peer sends pings but never reads the pongs, the only thing we still write to a
            # paused socket.
            self.transport.abort()

    def eof_received(self) -> None:
        """Set a deadline: the transport closes once its buffer is written, which may be never."""
        super().eof_received()
        self._cut_off_later()

    def pause_writing(self) -> None:
        """Start the timer for a peer that has stopped reading."""
        super().pause_writing()
        self._owed = self.transport.get_write_buffer_size()
        self._slow_timer = self.loop.call_later(SLOW_SECONDS, self.shut, CloseCode.TOO_SLOW)

    def resume_writing(self) -> None:
        """Stop the timer; the peer has caught up."""
        super().resume_writing()
        self._cancel_slow_timer()
        if self.listener is not None:
            self.listener.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection, and free what it holds."""
        self._cancel_slow_timer()
        if self._cut_off_timer is not None:
            self._cut_off_timer.cancel()
        self.outgoing.clear()
        self._census.lost(self)
        super().connection_lost(exc)
        # Break the reference cycles, so that the connection is freed at once.
        self.listener = None
        library.free_tracebacks(self)

    def _stop_reading(self) -> None:
        """Stop reading from a peer that sends too much; even discarding its data costs time."""
        self._deaf = True
        self.transport.pause_reading()

    def _cut_off_later(self) -> None:
        if self._cut_off_timer is None:
            self._cut_off_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def _cancel_slow_timer(self) -> None:
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None


async def close_all(sockets: Iterable[Socket], code: CloseCode) -> None:
    """Close every socket; cut off those that do not answer or are still in their handshake."""
    connections = [socket for socket in sockets if isinstance(socket, Connection)]
    for connection in connections:
        if connection.is_open:
            connection.shut(code)
        else:
            connection.cut_off()
    if connections:
        gone = [library.lost(connection) for connection in connections]
        await asyncio.wait(gone, timeout=2 * CLOSE_SECONDS)


class Outbox:
    """Collects frames, so that each socket gets one write per iteration of the event loop."""

    def __init__(self) -> None:
        self._owing: list[Connection] = []

    def push(self, connection: Connection, *frames: bytes) -> None:
        """Send the frames together with others for the socket in this iteration."""
        if not self._owing:
            connection.loop.call_soon(self._flush)
        if not connection.outgoing:
            self._owing.append(connection)
        connection.outgoing += frames

    def _flush(self) -> None:
        owing, self._owing = self._owing, []
        for connection in owing:
            connection.write_outgoing()
