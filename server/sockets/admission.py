"""Admission control: the counts of connections, places and absent users, and their limits.

A place is a row. The row of an absent user costs as much as that of a connected one, so an address
is charged for the rows of its users, from their arrival until the stream reports their removal. An
address may have twice as many sockets as places, because users reconnect before their old sockets
are known to be gone. Addresses are known only for users admitted by this process; they are never
stored or logged.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple, Protocol

from queue_engine.engine import Engine
from queue_engine.items import Committed
from queue_engine.model import ConnectionId, User
from queue_engine.rules import gives_up_row
from server.sockets.allowance import Allowance
from server.sockets.limits import Pace, TokenBucket
from storage.contract import RoomName

# Always allow this many handshakes, so that a refused client can be told why.
LEAST_UNFINISHED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on what may exist at once; 0 connections per address means no limit."""

    connections: int
    connections_per_address: int
    unfinished: int
    sockets: int  # TCP connections of any kind
    absent: int
    rooms: int
    handshakes_per_second: float
    # Per socket:
    messages_per_second: float
    burst: int
    max_message_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What a client asked for in its handshake, and its address."""

    room: RoomName
    address: str
    v1: bool
    watch: bool = False
    resume: str | None = None


class Refused(NamedTuple):
    """Why a visitor is not admitted."""

    status: HTTPStatus
    why: str
    retry_after: int | None = None


class Socket(Protocol):
    """The part of a connection that admission needs."""

    @property
    def was_left(self) -> bool:
        """Whether the peer closed it on purpose."""

    def cut_off(self) -> None:
        """Drop the TCP connection without a close frame."""


@dataclass(slots=True)
class Entrance:
    """An admitted socket. Its place is reserved until its user's row is known."""

    visitor: Visitor
    reserved: bool
    user: User | None = None


class Row(NamedTuple):
    """The row of a user admitted by this process, and the generation of its socket."""

    address: str
    generation: int


class Admission:
    """Counts connections and places, and admits visitors within the limits."""

    def __init__(self, limits: Limits, engine: Engine) -> None:
        self._limits = limits
        self._engine = engine
        rate = limits.handshakes_per_second
        self._handshakes = TokenBucket(rate, int(rate))
        self._pace = Pace()
        self._unfinished: dict[Socket, None] = {}  # oldest first
        self._inside: dict[Socket, Entrance] = {}
        self._sockets: Counter[str] = Counter()  # by address
        self._places: Counter[str] = Counter()  # by address; reserved places and rows
        self._rows: dict[RoomName, dict[ConnectionId, Row]] = {}
        self._absent: dict[RoomName, set[ConnectionId]] = {}
        self._absent_in_all = 0

    @property
    def connections(self) -> int:
        """How many sockets are admitted."""
        return len(self._inside)

    @property
    def absent(self) -> int:
        """How many rows are kept for absent users."""
        return self._absent_in_all

    def sockets(self) -> list[Socket]:
        """Return every connection, admitted or not."""
        return [*self._unfinished, *self._inside]

    def arrived(self, socket: Socket) -> Allowance:
        """Count a connection that has not sent its request yet; return what it may send.

        If there are too many, the oldest is dropped. Requests arrive quickly, so the oldest is the
        least likely to finish, and silent connections cannot lock others out.
        """
        self._unfinished[socket] = None
        left = max(LEAST_UNFINISHED, self._limits.sockets - len(self._inside))
        if len(self._unfinished) > min(self._limits.unfinished, left):
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            oldest.cut_off()
        limits = self._limits
        return Allowance(limits.messages_per_second, limits.burst, limits.max_message_bytes)

    def seconds_to_wait(self, visitor: Visitor) -> float | None:
        """Return the delay for a handshake, or None if it would be too long.

        Only handshakes from an address that has flooded the server are delayed.
        """
        return self._pace.wait(visitor.address, time.monotonic())

    def flooded(self, socket: Socket) -> None:
        """Pace the handshakes of an address whose socket exceeded its allowance."""
        entrance = self._inside.get(socket)
        if entrance is not None:
            self._pace.flooded(entrance.visitor.address, time.monotonic())

    def admit(self, socket: Socket, visitor: Visitor) -> Refused | None:
        """Admit and count a visitor, or return why it is refused."""
        returning = self._engine.whose(visitor.room, visitor.resume)
        rows = self._rows.get(visitor.room, {})
        row = rows.get(returning) if returning is not None else None
        # A returning user has a place already.
        reserved = row is None or row.address != visitor.address
        refused = self._refusal(visitor, returning=returning is not None, reserved=reserved)
        if refused is None and not self._handshakes.take(time.monotonic()):
            # Checked last, so that other refusals use up no handshakes.
            refused = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many at once", retry_after=1)
        if refused is None:
            self._unfinished.pop(socket, None)
            self._inside[socket] = Entrance(visitor, reserved)
            self._sockets[visitor.address] += 1
            self._places[visitor.address] += reserved
        return refused

    def _refusal(self, visitor: Visitor, *, returning: bool, reserved: bool) -> Refused | None:
        limits, full = self._limits, HTTPStatus.SERVICE_UNAVAILABLE
        if len(self._inside) >= limits.connections:
            return Refused(full, "the house is full")
        others = self._places[visitor.address] - (not reserved)
        held = max(others, self._sockets[visitor.address] // 2)
        if 0 < limits.connections_per_address <= held:
            text = "too many connections from your address"
            return Refused(HTTPStatus.TOO_MANY_REQUESTS, text)
        if not returning and self._absent_in_all >= limits.absent:
            return Refused(full, "too many places are held for disconnected users")
        if visitor.room not in self._engine and self._engine.room_count >= limits.rooms:
            return Refused(full, "there are too many rooms")
        if not (visitor.watch or returning or self._engine.has_place(visitor.room)):
            return Refused(full, "the line is full")
        return None

    @contextmanager
    def entering(self, socket: Socket, visitor: Visitor) -> Iterator[None]:
        """Hold the visitor's place while its row is created, even if the socket is lost."""
        entrance = self._inside.get(socket)
        held = entrance is None or entrance.reserved
        if entrance is None:
            self._places[visitor.address] += 1
        else:
            entrance.reserved = False
        try:
            yield
        finally:
            if held:
                self._release(visitor.address)

    def entered(self, socket: Socket, visitor: Visitor, user: User) -> None:
        """Charge the user's row to the visitor's address for as long as the row exists."""
        entrance = self._inside.get(socket)
        if entrance is not None:
            entrance.user = user
        self._give_up(visitor.room, user.connection_id)
        rows = self._rows.setdefault(visitor.room, {})
        rows[user.connection_id] = Row(visitor.address, user.generation)
        self._places[visitor.address] += 1

    def lost(self, socket: Socket) -> None:
        """Stop counting a connection, and its user's row if the disconnect removes it."""
        self._unfinished.pop(socket, None)
        entrance = self._inside.pop(socket, None)
        if entrance is None:
            return
        address, user = entrance.visitor.address, entrance.user
        self._sockets[address] -= 1
        if not self._sockets[address]:
            del self._sockets[address]
        if entrance.reserved:
            self._release(address)
        if user is not None and gives_up_row(user, leaving=socket.was_left):
            room = entrance.visitor.room
            row = self._rows.get(room, {}).get(user.connection_id)
            if row is not None and row.generation == user.generation:
                self._give_up(room, user.connection_id)

    def observe(self, committed: Committed) -> None:
        """Note which users became absent or present, and which rows were removed."""
        room = committed.room
        if committed.whole:
            known = self._absent.get(room, set()) | self._rows.get(room, {}).keys()
            self._forget(room, known - committed.touched)
        for change in committed.changes:
            user = change.new or change.old
            if not isinstance(user, User):
                continue
            if change.new is None:
                self._give_up(room, user.connection_id)
            is_absent = change.new is not None and not user.present
            self._set_absent(room, user.connection_id, is_absent)

    def forget(self, room: RoomName) -> None:
        """Count the rows of a room no more: it is broken, and nobody hears what becomes of them."""
        self._forget(room, self._absent.get(room, set()) | self._rows.get(room, {}).keys())

    def _forget(self, room: RoomName, users: set[ConnectionId]) -> None:
        for connection_id in users:
            self._give_up(room, connection_id)
            self._set_absent(room, connection_id, False)

    def _set_absent(self, room: RoomName, connection_id: ConnectionId, is_absent: bool) -> None:
        absent = self._absent.setdefault(room, set())
        before = len(absent)
        if is_absent:
            absent.add(connection_id)
        else:
            absent.discard(connection_id)
        self._absent_in_all += len(absent) - before
        if not absent:
            del self._absent[room]

    def _give_up(self, room: RoomName, connection_id: ConnectionId) -> None:
        rows = self._rows.get(room, {})
        row = rows.pop(connection_id, None)
        if row is not None:
            self._release(row.address)
            if not rows:
                del self._rows[room]

    def _release(self, address: str) -> None:
        self._places[address] -= 1
        if not self._places[address]:
            del self._places[address]
