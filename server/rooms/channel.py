"""A room's channel: its members, what each of them was sent, and what is sent next.

Only the stream wakes a channel, so a change by another process takes the same path as a player's
move. A frame is encoded once for all members that get the same bytes. The two players get it first.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from queue_engine.items import Committed
from queue_engine.model import ConnectionId, Status, User
from server.ops.metrics import Metrics
from server.rooms.view import News, View
from server.sockets.connection import Connection, Outbox
from server.wire import messages
from server.wire.close_codes import ROOM_UNUSABLE, CloseCode
from storage.contract import RoomName, RoomUnreadable

# A member is told its position in line at most once in this time (seconds; design, 4.2).
NOTICE_SECONDS = 2.0
# A room is searched for members that have moved up at most once in this time (seconds).
SWEEP_SECONDS = 0.25
# A fan-out longer than this (seconds), to about two hundred sockets, is followed by a rest.
LARGE_FAN_OUT_SECONDS = 0.002


@dataclass(slots=True, eq=False)
class Member:
    """The socket of a user, and what the channel has sent to it.

    ``told`` is the standing in the last `joinedQueue`; another one is sent only when it changes.
    """

    connection: Connection
    channel: "Channel"
    connection_id: ConnectionId
    generation: int
    v1: bool
    welcomed: bool = False
    missed: bool = False
    told: object = None
    told_position: int | None = None
    told_at: float = 0.0

    def drained(self) -> None:
        """Send the current state if the socket missed something while its peer did not read."""
        if self.missed:
            self.missed = False
            self.channel.show_all(self)


@dataclass(slots=True, eq=False)
class Arrival:
    """A member waiting for the room to be announced up to the sequence at which it entered."""

    sequence: int
    announced: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Channel:
    """One room as it was last announced, and its members by connection id.

    After a large fan-out it rests for as long as the fan-out took, so that announcing takes at most
    half of the time. Changes in the meantime are merged into one frame. Without the rest, a crowd
    that reconnects after a restart would be delayed by its own arrivals. ``on_idle`` is called when
    the channel has nothing left to keep.
    """

    def __init__(
        self,
        room: RoomName,
        outbox: Outbox,
        metrics: Metrics,
        clock: Callable[[], datetime],
        on_idle: Callable[["Channel"], object],
    ) -> None:
        self.room = room
        self.members: dict[ConnectionId, Member] = {}
        self._outbox = outbox
        self._metrics = metrics
        self._clock = clock
        self._on_idle = on_idle
        self._view = View(room)
        self._arrivals: list[Arrival] = []
        self._backlog: list[Committed] = []
        self._rest: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None

    def enter(self, connection: Connection, user: User) -> tuple[Member, Member | None]:
        """Add a user's socket; return it as a member, and the superseded member if any.

        Of two sockets of one user the one with the greater generation stays, in whatever order they
        enter, so the new member may itself be superseded.
        """
        member = Member(connection, self, user.connection_id, user.generation, user.resumable)
        connection.listener = member
        self._view.watch()
        other = self.members.get(user.connection_id)
        if other is not None and other.generation > member.generation:
            return member, member
        self.members[user.connection_id] = member
        return member, other

    def leave(self, member: Member) -> None:
        """Remove a member, unless another socket of its user has superseded it."""
        if self.members.get(member.connection_id) is member:
            del self.members[member.connection_id]
        self._end_if_idle()

    async def welcome(self, member: Member, sequence: int) -> None:
        """Send a new member everything once the room is announced up to ``sequence``.

        Raises:
            RoomUnreadable: the room has been closed.
        """
        if self._view.sequence < sequence:
            arrival = Arrival(sequence)
            self._arrivals.append(arrival)
            await arrival.announced
        user = self._user(member)
        if user is None:
            member.connection.shut(CloseCode.REMOVED)
            return
        member.welcomed = True
        self._say_hello(member, user)
        self.show_all(member)

    def greet(self, member: Member) -> None:
        """Say hello again."""
        user = self._user(member)
        if user is not None:
            self._say_hello(member, user)

    def tell_standing(self, member: Member) -> None:
        """Send a client its standing, even if it has not changed."""
        user = self._user(member)
        if user is None:
            return
        member.told = _standing(user)
        member.told_at = member.connection.loop.time()
        if user.status is Status.INACTIVE:
            member.told_position = self._view.room.position(user)
        self._outbox.push(member.connection, messages.joined_queue(self._view.room, user))

    def show_all(self, member: Member) -> None:
        """Send a client the current standing, list and game."""
        if self._user(member) is not None:
            self.tell_standing(member)
            users = self._view.snapshot() if member.v1 else self._view.whole_list()
            self._outbox.push(member.connection, users, self._view.game())

    @property
    def players(self) -> Iterable[ConnectionId]:
        """The users who are seated."""
        return self._view.room.seats.values()

    def announce(self, committed: Committed) -> None:
        """Send the batch's changes to the members, now or after the rest."""
        self._backlog.append(committed)
        if self._rest is None:
            self._announce_backlog()

    def close(self) -> None:
        """Close every socket, because the room has become unusable."""
        for timer in (self._rest, self._sweep):
            if timer is not None:
                timer.cancel()
        for arrival in self._arrivals:
            if not arrival.announced.done():
                arrival.announced.set_exception(RoomUnreadable(f"room {self.room}"))
        for member in list(self.members.values()):
            member.connection.shut(CloseCode.INTERNAL_ERROR, ROOM_UNUSABLE)

    def _announce_backlog(self) -> None:
        started = time.perf_counter()
        backlog, self._backlog = self._backlog, []
        news = self._view.take_in(backlog)
        self._send(news)
        self._close_removed(news.touched)
        self._wake_arrivals()
        taken = time.perf_counter() - started
        if taken > LARGE_FAN_OUT_SECONDS:
            self._rest = asyncio.get_running_loop().call_later(taken, self._end_rest)
        self._end_if_idle()

    def _end_rest(self) -> None:
        self._rest = None
        if self._backlog:
            self._announce_backlog()
        else:
            self._end_if_idle()

    def _end_if_idle(self) -> None:
        busy = self.members or self._arrivals or self._backlog or self._rest
        if not busy and not self._view.room.users:
            if self._sweep is not None:
                self._sweep.cancel()
            self._on_idle(self)

    def _send(self, news: News) -> None:
        for game in news.ended:
            self._metrics.game_finished(game.status)
        if not self.members or not (news.ended or news.list_changed or news.game_changed):
            return
        results = [messages.game_update(game) for game in news.ended]
        before_v1, before_seed = results[:], results[:]
        if news.delta is not None:
            before_v1.append(news.delta)
        if news.list_changed and not all(member.v1 for member in self.members.values()):
            before_seed.append(self._view.whole_list())
        after = [self._view.game()] if news.game_changed else []
        whole_v1, whole_seed = b"".join(before_v1 + after), b"".join(before_seed + after)

        sent = 0
        for member in self._players_first():
            if not member.welcomed:
                continue
            if member.connection.paused:
                if not member.missed:
                    self._metrics.slow_clients.inc()
                member.missed = True
                continue
            if member.connection_id in news.touched and self._standing_changed(member):
                self._outbox.push(member.connection, *(before_v1 if member.v1 else before_seed))
                self.tell_standing(member)
                self._outbox.push(member.connection, *after)
            elif frames := whole_v1 if member.v1 else whole_seed:
                self._outbox.push(member.connection, frames)
            else:
                continue
            sent += 1
        self._metrics.broadcast(sent)
        if news.list_changed:
            self._sweep_in(SWEEP_SECONDS)

    def _players_first(self) -> Iterator[Member]:
        players = self._view.room.seats.values()
        for connection_id in players:
            if connection_id in self.members:
                yield self.members[connection_id]
        for connection_id, member in self.members.items():
            if connection_id not in players:
                yield member

    def _close_removed(self, touched: Iterable[ConnectionId]) -> None:
        for connection_id in touched:
            if connection_id not in self._view.room.users and connection_id in self.members:
                self.members[connection_id].connection.shut(CloseCode.REMOVED)

    def _wake_arrivals(self) -> None:
        arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            if arrival.sequence > self._view.sequence:
                self._arrivals.append(arrival)
            elif not arrival.announced.done():
                arrival.announced.set_result(None)

    def _standing_changed(self, member: Member) -> bool:
        user = self._user(member)
        return user is not None and member.told != _standing(user)

    def _sweep_in(self, seconds: float) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(seconds, self._tell_positions)

    def _tell_positions(self) -> None:
        """Send new positions to members that have moved up beyond the window."""
        self._sweep = None
        now = asyncio.get_running_loop().time()
        soonest: float | None = None
        for member, position in self._beyond_window():
            if position == member.told_position:
                continue
            wait = member.told_at + NOTICE_SECONDS - now
            if wait <= 0:
                self.tell_standing(member)
            else:
                soonest = wait if soonest is None else min(soonest, wait)
        if soonest is not None:
            self._sweep_in(max(soonest, SWEEP_SECONDS))

    def _beyond_window(self) -> Iterator[tuple[Member, int]]:
        for member in self.members.values():
            user = self._user(member)
            if user is None or not member.v1 or user.status is not Status.INACTIVE:
                continue
            position = self._view.room.position(user)
            beyond = self._view.is_beyond_window(position)
            if beyond and member.welcomed and not member.connection.paused:
                yield member, position

    def _say_hello(self, member: Member, user: User) -> None:
        self._outbox.push(member.connection, messages.hello(user, self.room, self._clock()))

    def _user(self, member: Member) -> User | None:
        return self._view.room.users.get(member.connection_id)


def _standing(user: User) -> tuple[object, ...]:
    """Return the attributes of a user whose change is sent as a `joinedQueue`."""
    return (user.status, user.marker, user.seated_at, user.joined_at)
