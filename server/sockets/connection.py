"""One client's socket: its request, its frames on the way out, and its end.

A request is bounded in size. Frames wait in ``outgoing`` until the :class:`Outbox` writes them. A
socket whose peer does not read is ``paused``. It knows nothing of users, the line or the game.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.protocol import SEND_EOF, State

from server.http.pages import refuse
from server.sockets.admission import Visitor
from server.sockets.allowance import Allowance
from server.wire.close_codes import CloseCode

# The library would take 128 lines of 8 KB, and look for commas in all of them. A browser's request
# is smaller than this (bytes), a proxy's additions included.
MOST_REQUEST_BYTES = 24 * 1024
# A socket over its limit for so long (seconds) is closed with 4008.
SLOW_SECONDS = 20.0
# Whoever does not answer a close is cut off after so long (seconds).
CLOSE_SECONDS = 2.0


class Listener(Protocol):
    """What a connection tells of itself."""

    def drained(self) -> None:
        """The peer, which had stopped reading, has read all it was owed."""


class Census(Protocol):
    """What counts connections."""

    def arrived(self, socket: "Connection") -> Allowance | None:
        """A client has connected, and has said nothing yet; return what it may send."""

    def flooded(self, socket: "Connection") -> None:
        """The client has sent more than that, and is being cut off."""

    def lost(self, socket: "Connection") -> None:
        """The connection is gone."""


class Connection(ServerConnection):
    """A WebSocket connection of the server.

    ``visitor`` is there once it is admitted; ``listener`` hears when its peer has read.
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
        self._limit: int = self.write_limit_high  # bytes; it counts as drained at a quarter
        self._deaf = False
        self._owed = 0  # when the peer stopped reading

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self.protocol.state is State.OPEN

    @property
    def has_vanished(self) -> bool:
        """Whether the peer has hung up without a close frame; what it said before one counts."""
        return self.protocol.state is State.CLOSED and self.protocol.close_rcvd is None

    @property
    def was_left(self) -> bool:
        """Whether the peer closed on purpose: with 1000 or without a code, and of its own accord.

        A peer may answer our own close with 1000, which is no leave.
        """
        close = self.protocol.close_rcvd
        began = self.protocol.close_rcvd_then_sent is True
        return close is not None and began and close.code in (1000, 1005)

    @property
    def end_code(self) -> int:
        """The code that ended it: of whoever began the close, or 1006 if nobody did.

        The library's own ``close_code`` is 1006 wherever the peer has not answered ours.
        """
        protocol = self.protocol
        began = protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent
        return int(began.code) if began is not None else 1006

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected, and has said nothing yet."""
        super().connection_made(transport)
        self._allowance = self._census.arrived(self)

    def cut_off(self) -> None:
        """End the connection without a word."""
        self.transport.abort()

    def shut(self, code: CloseCode, reason: str | None = None) -> None:
        """Close without waiting for anything: a reader that is stuck cannot hold this up."""
        if self.is_open:
            self.write_outgoing()
            self.protocol.send_close(code, reason or code.reason)
            self.send_data()
        self.shutting = True
        self._cut_off_later()

    def write_outgoing(self) -> None:
        """Write all frames that wait, in one write."""
        frames, self.outgoing = self.outgoing, []
        if frames and self.is_open:
            self.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def send_data(self) -> None:
        """Write what the library has to send in one write, many pongs for example."""
        writes = self.protocol.writes
        if len(writes) > 1 and SEND_EOF not in writes:
            self.protocol.writes = [b"".join(writes)]
        super().send_data()

    def data_received(self, data: bytes) -> None:
        """Note the sign of life: pongs are handled inside the library and seen nowhere else."""
        self.heard = True
        if self.protocol.state is State.CONNECTING and not self.protocol.eof_sent:
            self._request_bytes += len(data)
            if self._request_bytes > MOST_REQUEST_BYTES:
                self._listen_no_more()
                status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self.protocol.send_response(refuse(status, "too many headers\n"))
                self.send_data()
                self._cut_off_later()
        if self._deaf:
            self.transport.pause_reading()  # the library has resumed it
            return
        refusal = self._allowance.refusal(self.loop.time(), data) if self._allowance else None
        if refusal is not None:
            self._listen_no_more()
            self._census.flooded(self)
            if self.protocol.state is State.CONNECTING:
                self.transport.abort()
            else:
                self.shut(refusal)
            return
        super().data_received(data)
        if self.protocol.state is State.CLOSING:
            # The library waits for a peer that has said goodbye until the peer hangs up.
            self._cut_off_later()
        if self.paused and self.transport.get_write_buffer_size() > self._owed + self._limit:
            # It sends pings and reads no pong: nothing else is written to who does not read.
            self.transport.abort()

    def eof_received(self) -> None:
        """The peer sends no more, so the transport closes as soon as all is written, or never."""
        super().eof_received()
        self._cut_off_later()

    def pause_writing(self) -> None:
        """The peer does not read: give it a while."""
        super().pause_writing()
        self._owed = self.transport.get_write_buffer_size()
        self._slow_timer = self.loop.call_later(SLOW_SECONDS, self.shut, CloseCode.TOO_SLOW)

    def resume_writing(self) -> None:
        """The peer has read."""
        super().resume_writing()
        self._cancel_slow_timer()
        if self.listener is not None:
            self.listener.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._cancel_slow_timer()
        if self._cut_off_timer is not None:
            self._cut_off_timer.cancel()
        self.outgoing.clear()
        self._census.lost(self)
        super().connection_lost(exc)
        self._break_cycles()

    def _break_cycles(self) -> None:
        """Let this be freed at once, with its TLS buffers, instead of at a full garbage collection.

        The listener refers to the connection. So do the errors: the frames in a traceback hold
        their locals, and from Python 3.12 on their callers' too.
        """
        self.listener = None
        for error in (self.protocol.parser_exc, self.protocol.handshake_exc, self.connection_exc):
            while error is not None:
                error.__traceback__ = None
                error = error.__cause__ or error.__context__

    def _listen_no_more(self) -> None:
        """Take nothing more from a peer that sends too much: even to throw it away costs time."""
        self._deaf = True
        self.transport.pause_reading()

    def _cut_off_later(self) -> None:
        if self._cut_off_timer is None:
            self._cut_off_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def _cancel_slow_timer(self) -> None:
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None


class Outbox:
    """What this turn of the event loop owes to sockets: one write each, at the end of the turn."""

    def __init__(self) -> None:
        self._owing: list[Connection] = []

    def push(self, connection: Connection, *frames: bytes) -> None:
        """Send the frames with whatever else the socket is sent in this turn."""
        if not self._owing:
            connection.loop.call_soon(self._flush)
        if not connection.outgoing:
            self._owing.append(connection)
        connection.outgoing += frames

    def _flush(self) -> None:
        owing, self._owing = self._owing, []
        for connection in owing:
            connection.write_outgoing()
