"""Users and games as the flat items that a store keeps, and back.

The names of the columns are part of the storage contract: operators read and edit them. Moments
are ISO 8601 in UTC with microseconds, so that text order is time order.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from storage.contract import EventName, Item, ItemChange, Table

from .changes import Change, UserChange
from .model import ConnectionId, Game, GameStatus, Marker, Report, Status, User

Value = TypeVar("Value")


def iso(moment: datetime) -> str:
    """Return the moment as it is stored and sent."""
    return moment.isoformat(timespec="microseconds")


def to_item_change(room: str, change: Change) -> ItemChange:
    """Return the change as the store takes it."""
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
    """Return the row as a user."""
    row: dict[str, Any] = dict(item)
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
        "board": game.board,
        "turn": _maybe(game.turn, lambda marker: marker.value),
        "status": game.status.value,
        "x_id": game.x_id,
        "o_id": game.o_id,
        "winner": _maybe(game.winner, lambda marker: marker.value),
        "line": _maybe(game.line, lambda cells: ",".join(map(str, cells))),
        "moved_at": iso(game.moved_at),
        "deadline": _maybe(game.deadline, iso),
        "time_left": game.time_left,
        "reported_loser": report.loser if report is not None else None,
        "reported_by": report.by if report is not None else None,
        "reported_at": iso(report.at) if report is not None else None,
    }


def to_game(item: Item) -> Game:
    """Return the row as a game."""
    row: dict[str, Any] = dict(item)
    report = None
    if row["reported_at"] is not None:
        at = datetime.fromisoformat(row["reported_at"])
        report = Report(row["reported_loser"], row["reported_by"], at)
    return Game(
        number=row["number"],
        board=row["board"],
        turn=_maybe(row["turn"], Marker),
        status=GameStatus(row["status"]),
        x_id=ConnectionId(row["x_id"]),
        o_id=ConnectionId(row["o_id"]),
        winner=_maybe(row["winner"], Marker),
        line=_maybe(row["line"], lambda text: tuple(int(cell) for cell in text.split(","))),
        moved_at=datetime.fromisoformat(row["moved_at"]),
        deadline=_maybe(row["deadline"], datetime.fromisoformat),
        time_left=row["time_left"],
        report=report,
    )


def _maybe(value: Any, convert: Callable[[Any], Value]) -> Value | None:
    return None if value is None else convert(value)
