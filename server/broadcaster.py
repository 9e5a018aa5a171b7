"""From the stream to the sockets: the only place that sends a room what happened in it.

It wakes on the stream alone, so a change by other hands travels the same road as a player's move.
A frame is encoded once for all who get the same bytes; the two players get it before the crowd.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from queue_engine.items import Committed, Unreadable
from queue_engine.model import ConnectionId, Status, User
from storage.contract import RoomName

from . import messages
from .close_codes import CloseCode
from .connection import Connection, Outbox
from .positions import PositionNotices
from .registry import Registry
from .telemetry import Metrics
from .view import News, View


class Broadcaster:
    """Every followed room as it was last announced, and who is to be told."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self.outbox = Outbox()
        self._registry = registry
        self._metrics = metrics
        self._views: dict[RoomName, View] = {}
        self._waiting: dict[RoomName, list[tuple[int, asyncio.Future[None]]]] = {}
        self._notices = PositionNotices(self._far_back, self._tell_standing)

    def announce(self, committed: Committed) -> None:
        """Send the room what the batch changed."""
        room = committed.room
        view = self._views.get(room)
        if view is None:
            view = self._views[room] = View(room)
        news = view.take_in(committed)
        self._send_news(view, news)
        self._close_removed(view, news.touched)
        self._wake(view)
        if not view.room.users:
            del self._views[room]

    def close_room(self, room: RoomName) -> None:
        """Close every socket of a room that cannot be kept any more, and forget it."""
        self._views.pop(room, None)
        for _, future in self._waiting.pop(room, ()):
            if not future.done():
                future.set_exception(Unreadable(f"room {room}"))
        for connection in list(self._registry.in_room(room).values()):
            connection.shut(CloseCode.INTERNAL_ERROR)

    async def welcome(self, connection: Connection, sequence: int) -> None:
        """Show a newcomer everything, as soon as the room is announced up to ``sequence``."""
        view = self._views.get(connection.room)
        if view is None or view.sequence < sequence:
            future: asyncio.Future[None] = connection.loop.create_future()
            self._waiting.setdefault(connection.room, []).append((sequence, future))
            await future
        user = self._user(connection)
        if user is None:
            connection.shut(CloseCode.REMOVED)
            return
        connection.on_drained = self._show_all
        connection.welcomed = True
        self.outbox.push(connection, messages.hello(user, connection.room))
        self._show_all(connection)

    def greet(self, connection: Connection) -> None:
        """Say hello again."""
        user = self._user(connection)
        if user is not None:
            self.outbox.push(connection, messages.hello(user, connection.room))

    def tell_standing(self, connection: Connection) -> None:
        """Tell a client where it stands, whether that is news or not."""
        user = self._user(connection)
        if user is not None:
            self._tell_standing(connection, user)

    def seated(self, room: RoomName) -> Iterable[ConnectionId]:
        """Return who plays in the room."""
        view = self._views.get(room)
        return view.room.seats.values() if view is not None else ()

    def _send_news(self, view: View, news: News) -> None:
        room = RoomName(view.room.name)
        sockets = self._registry.in_room(room)
        for game in news.ended:
            self._metrics.game_finished(game.status)
        if not sockets or not (news.ended or news.list_changed or news.game_changed):
            return
        results = [messages.game_update(game) for game in news.ended]
        before_v1, before_seed = results[:], results[:]
        if news.delta is not None:
            before_v1.append(news.delta)
        if news.list_changed and not all(socket.v1 for socket in sockets.values()):
            before_seed.append(view.whole_list())
        after = [view.game()] if news.game_changed else []
        whole_v1, whole_seed = b"".join(before_v1 + after), b"".join(before_seed + after)

        sent = 0
        for connection in _players_first(view, sockets):
            if not connection.welcomed:
                continue
            if connection.paused:
                if not connection.missed:
                    self._metrics.slow_clients.inc()
                connection.missed = True
                continue
            if connection.connection_id in news.touched and self._standing_changed(connection):
                before = before_v1 if connection.v1 else before_seed
                self.outbox.push(connection, *before)
                self.tell_standing(connection)
                self.outbox.push(connection, *after)
            elif frames := whole_v1 if connection.v1 else whole_seed:
                self.outbox.push(connection, frames)
            else:
                continue
            sent += 1
        self._metrics.broadcast(sent)
        if news.list_changed:
            self._notices.line_changed(room)

    def _close_removed(self, view: View, touched: Iterable[ConnectionId]) -> None:
        sockets = self._registry.in_room(RoomName(view.room.name))
        for connection_id in touched:
            if connection_id not in view.room.users and connection_id in sockets:
                sockets[connection_id].shut(CloseCode.REMOVED)

    def _wake(self, view: View) -> None:
        room = RoomName(view.room.name)
        later = []
        for sequence, future in self._waiting.pop(room, ()):
            if sequence > view.sequence:
                later.append((sequence, future))
            elif not future.done():
                future.set_result(None)
        if later:
            self._waiting[room] = later

    def _show_all(self, connection: Connection) -> None:
        view, user = self._views.get(connection.room), self._user(connection)
        if view is None or user is None:
            return
        self._tell_standing(connection, user)
        users = view.snapshot() if connection.v1 else view.whole_list()
        self.outbox.push(connection, users, view.game())

    def _standing_changed(self, connection: Connection) -> bool:
        user = self._user(connection)
        return user is not None and connection.told != _standing(user)

    def _tell_standing(self, connection: Connection, user: User) -> None:
        view = self._views[connection.room]
        connection.told = _standing(user)
        connection.told_at = connection.loop.time()
        if user.status is Status.INACTIVE:
            connection.told_position = view.room.position(user)
        self.outbox.push(connection, messages.joined_queue(view.room, user))

    def _far_back(self, room: RoomName) -> Iterable[tuple[Connection, User, int]]:
        """Yield the v1 clients that do not see themselves in the window, with their positions."""
        view = self._views.get(room)
        if view is None:
            return
        for connection in self._registry.in_room(room).values():
            user = view.room.users.get(connection.connection_id)
            if user is None or not connection.v1 or user.status is not Status.INACTIVE:
                continue
            position = view.room.position(user)
            if view.is_beyond_window(position) and connection.welcomed and not connection.paused:
                yield connection, user, position

    def _user(self, connection: Connection) -> User | None:
        view = self._views.get(connection.room)
        return view.room.users.get(connection.connection_id) if view is not None else None


def _standing(user: User) -> tuple[object, ...]:
    """Return what a user is told of when it changes, by whosever doing."""
    return (user.status, user.marker, user.seated_at, user.joined_at)


def _players_first(view: View, sockets: Mapping[ConnectionId, Connection]) -> Iterator[Connection]:
    players = view.room.seats.values()
    for connection_id in players:
        if connection_id in sockets:
            yield sockets[connection_id]
    for connection_id, connection in sockets.items():
        if connection_id not in players:
            yield connection
