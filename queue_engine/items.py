"""Conversion of users and games to the flat items that a store keeps, and back.

The column names are part of the storage contract: operators read and edit the columns. Times are
ISO 8601 in UTC with microseconds, so that text order is time order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from storage.contract import (
    Batch,
    EventName,
    Item,
    ItemChange,
    RoomName,
    RoomUnreadable,
    Snapshot,
    Table,
)

from . import games
from .changes import Change, GameChange, UserChange
from .model import ConnectionId, Game, GameStatus, Marker, Report, Room, Status, User

Value = TypeVar("Value")

# What reading a row that is not valid raises.
_MALFORMED = (KeyError, TypeError, ValueError)


class Unreadable(Exception):
    """An item in the store is not a valid user or game; an edit by hand can leave one."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A batch of the stored stream, decoded.

    If ``whole`` is true, the changes insert all users of the room and replace its earlier state.
    """

    room: RoomName
    sequence: int
    changes: tuple[Change, ...]
    whole: bool = False

    @property
    def touched(self) -> set[ConnectionId]:
        """The ids of the users whose rows changed."""
        users = (c.new or c.old for c in self.changes if isinstance(c, UserChange))
        return {user.connection_id for user in users if user is not None}


def iso(moment: datetime) -> str:
    """Return the time as it is stored and sent."""
    return moment.isoformat(timespec="microseconds")


def to_item_change(room: str, change: Change) -> ItemChange:
    """Return the change in the form that the store takes."""
    if isinstance(change, UserChange):
        table = Table.USERS
        old = user_item(room, change.old) if change.old is not None else None
        new = user_item(room, change.new) if change.new is not None else None
    else:
        table = Table.GAMES
        old = game_item(room, change.old) if change.old is not None else None
        new = game_item(room, change.new) if change.new is not None else None
    if old is None:
        return ItemChange(EventName.INSERT, table, None, new)
    return ItemChange(EventName.MODIFY if new is not None else EventName.REMOVE, table, old, new)


def to_change(change: ItemChange) -> Change:
    """Return a stored change, decoded: the inverse of :func:`to_item_change`.

    Raises:
        Unreadable: an image is not a valid user or game.
    """
    old, new = change.old_image, change.new_image
    if change.table is Table.USERS:
        return UserChange(_maybe(old, to_user), _maybe(new, to_user))
    return GameChange(_maybe(old, to_game), _maybe(new, to_game))


def decode(batch: Batch) -> tuple[Committed, list[Unreadable]]:
    """Decode a batch of the stream; return it without its unreadable records, and their errors."""
    changes: list[Change] = []
    unreadable: list[Unreadable] = []
    for change in batch.changes:
        try:
            changes.append(to_change(change))
        except Unreadable as error:
            unreadable.append(error)
    return Committed(batch.room, batch.sequence, tuple(changes), batch.whole), unreadable


def to_room(name: RoomName, snapshot: Snapshot) -> Room:
    """Return the room of a snapshot.

    Raises:
        RoomUnreadable: an item is not a valid user or game; the message names the item.
    """
    room = Room(name)
    try:
        for item in snapshot.users:
            room.put(to_user(item))
        room.game = _maybe(snapshot.game, to_game)
    except Unreadable as error:
        raise RoomUnreadable(f"room {name}: {error}") from error
    return room


def user_item(room: str, user: User) -> Item:
    """Return the user as a row."""
    return {
        "connection_id": user.connection_id,
        "room": room,
        "session_id": user.session_id,
        "username": user.username,
        "status": user.status.value,
        "marker": _maybe(user.marker, lambda marker: marker.value),
        "joined_at": iso(user.joined_at),
        "seated_at": _maybe(user.seated_at, iso),
        "streak": user.streak,
        "resumable": int(user.resumable),
        "absent_until": _maybe(user.absent_until, iso),
        "seat_until": _maybe(user.seat_until, iso),
        "owner": user.owner,
        "generation": user.generation,
    }


def to_user(item: Item) -> User:
    """Return the row as a user.

    Raises:
        Unreadable: the row is not a valid user.
    """
    row: dict[str, Any] = dict(item)
    try:
        return _user(row)
    except _MALFORMED as error:
        raise _unreadable(Table.USERS, row.get("connection_id"), error) from error


def _user(row: dict[str, Any]) -> User:
    return User(
        connection_id=ConnectionId(row["connection_id"]),
        session_id=row["session_id"],
        username=row["username"],
        status=Status(row["status"]),
        marker=_maybe(row["marker"], Marker),
        joined_at=datetime.fromisoformat(row["joined_at"]),
        seated_at=_maybe(row["seated_at"], datetime.fromisoformat),
        streak=row["streak"],
        resumable=bool(row["resumable"]),
        absent_until=_maybe(row["absent_until"], datetime.fromisoformat),
        seat_until=_maybe(row["seat_until"], datetime.fromisoformat),
        owner=row["owner"],
        generation=row["generation"],
    )


def game_item(room: str, game: Game) -> Item:
    """Return the game as a row."""
    report = game.report
    return {
        "room": room,
        "number": game.number,
        "kind": game.kind,
        "moves": ",".join(map(str, game.moves)),
        "first": game.first.value,
        "turn": _maybe(game.turn, lambda marker: marker.value),
        "status": game.status.value,
        "x_id": game.x_id,
        "o_id": game.o_id,
        "winner": _maybe(game.winner, lambda marker: marker.value),
        "moved_at": iso(game.moved_at),
        "deadline": _maybe(game.deadline, iso),
        "time_left": game.time_left,
        "x_waited": game.x_waited,
        "o_waited": game.o_waited,
        "reported_loser": report.loser if report is not None else None,
        "reported_by": report.by if report is not None else None,
        "reported_at": iso(report.at) if report is not None else None,
    }


def to_game(item: Item) -> Game:
    """Return the row as a game.

    Raises:
        Unreadable: the row is not a valid game.
    """
    row: dict[str, Any] = dict(item)
    try:
        return _game(row)
    except _MALFORMED as error:
        raise _unreadable(Table.GAMES, row.get("room"), error) from error


def _game(row: dict[str, Any]) -> Game:
    report = None
    if row["reported_at"] is not None:
        at = datetime.fromisoformat(row["reported_at"])
        report = Report(row["reported_loser"], row["reported_by"], at)
    kind, moves, first = _played(row["kind"], row["moves"], Marker(row["first"]))
    return Game(
        number=row["number"],
        kind=kind,
        moves=moves,
        first=first,
        status=GameStatus(row["status"]),
        x_id=ConnectionId(row["x_id"]),
        o_id=ConnectionId(row["o_id"]),
        winner=_maybe(row["winner"], Marker),
        moved_at=datetime.fromisoformat(row["moved_at"]),
        deadline=_maybe(row["deadline"], datetime.fromisoformat),
        time_left=row["time_left"],
        x_waited=row["x_waited"],
        o_waited=row["o_waited"],
        report=report,
    )


def _played(kind: str, moves: str, first: Marker) -> tuple[str, tuple[int, ...], Marker]:
    """Return kind, moves and first marker; a game with impossible moves restarts without any."""
    try:
        cells = tuple(map(int, filter(None, moves.split(","))))
        games.KINDS[kind].position(cells, first)
    except (KeyError, ValueError):
        return kind if kind in games.KINDS else games.DEFAULT, (), first
    return kind, cells, first


def _unreadable(table: Table, key: object, error: Exception) -> Unreadable:
    return Unreadable(f"{table} {key!r}: {type(error).__name__}: {error}")


def _maybe(value: Any, convert: Callable[[Any], Value]) -> Value | None:
    return None if value is None else convert(value)
