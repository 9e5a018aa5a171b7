"""A room's audience: the sockets in it, what each of them was told, and what is sent next.

A channel is woken by the stream alone, so a change by other hands travels the same road as a
player's move. A frame is encoded once for all members that get the same bytes, and the two players
get it before the crowd.
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

# No member is told its position in line more often than this (seconds; design, 4.2).
NOTICE_SECONDS = 2.0
# A room is not searched for members that have moved up more often than this (seconds).
SWEEP_SECONDS = 0.25
# A fan-out that takes longer is followed by a rest (seconds); it reaches some two hundred sockets.
LARGE_FAN_OUT_SECONDS = 0.002


@dataclass(slots=True, eq=False)
class Member:
    """A socket that speaks for a user, and what the channel has told it.

    ``told`` is the standing that the client was last told with a `joinedQueue`, so that it is told
    again when that changes and not otherwise.
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
        """Show how things are now, if the socket missed something while its peer did not read."""
        if self.missed:
            self.missed = False
            self.channel.show_all(self)


@dataclass(slots=True, eq=False)
class Arrival:
    """A member that waits until the room is announced up to the sequence at which it entered."""

    sequence: int
    announced: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Channel:
    """One room as it was last announced, and its members by the user they speak for.

    After a large fan-out it rests for as long as that took, so that announcing takes at most half
    of the time: what happens meanwhile becomes one batch and costs one frame. Without a rest, a
    crowd that comes back after a restart would be kept waiting by its own arrivals. ``on_idle`` is
    called when nothing is left to keep.
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
        """Let a socket speak for its user; return it as a member, and the one it supersedes.

        Of two sockets of one user the greater generation stays, in whatever order they enter; so
        the superseded one may be the new one.
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
        """Forget the socket, unless another one speaks for its user by now."""
        if self.members.get(member.connection_id) is member:
            del self.members[member.connection_id]
        self._end_if_idle()

    async def welcome(self, member: Member, sequence: int) -> None:
        """Show a newcomer everything, as soon as the room is announced up to ``sequence``.

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
        """Tell a client where it stands, whether that is news or not."""
        user = self._user(member)
        if user is None:
            return
        member.told = _standing(user)
        member.told_at = member.connection.loop.time()
        if user.status is Status.INACTIVE:
            member.told_position = self._view.room.position(user)
        self._outbox.push(member.connection, messages.joined_queue(self._view.room, user))

    def show_all(self, member: Member) -> None:
        """Show how things are now."""
        if self._user(member) is not None:
            self.tell_standing(member)
            users = self._view.snapshot() if member.v1 else self._view.whole_list()
            self._outbox.push(member.connection, users, self._view.game())

    @property
    def players(self) -> Iterable[ConnectionId]:
        """The users who are seated."""
        return self._view.room.seats.values()

    def announce(self, committed: Committed) -> None:
        """Send the members what the batch changed, now or after a rest."""
        self._backlog.append(committed)
        if self._rest is None:
            self._announce_backlog()

    def close(self) -> None:
        """Close every socket: the room cannot be kept any more."""
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
        """Tell the members that do not see themselves in the window that they have moved up."""
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
    """Return what a user is told of when it changes, whoever changed it."""
    return (user.status, user.marker, user.seated_at, user.joined_at)
