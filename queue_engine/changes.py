"""The changes of a room: one user or its game, before and after.

A room is changed by applying changes in order, and restored by undoing them in reverse; nothing
copies a room. The shell stores the changes (`room_task.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .model import Game, Room, User


@dataclass(frozen=True, slots=True)
class UserChange:
    """A user who was added (no ``old``), changed, or removed (no ``new``)."""

    old: User | None
    new: User | None


@dataclass(frozen=True, slots=True)
class GameChange:
    """The game of the room, before and after."""

    old: Game | None
    new: Game | None


Change = UserChange | GameChange


def apply(room: Room, changes: Iterable[Change]) -> None:
    """Apply the changes in order."""
    for change in changes:
        _replace(room, change.old, change.new)


def undo(room: Room, changes: Sequence[Change]) -> None:
    """Undo the changes in reverse order."""
    for change in reversed(changes):
        _replace(room, change.new, change.old)


def merged(changes: Iterable[Change]) -> list[Change]:
    """Return the changes with those of one game made one, which are stored and announced once.

    A move changes the board and then the clock. Changes are never merged across the end of a game,
    so every result is announced.
    """
    kept: list[Change | None] = []
    place = -1  # of the last change of a game
    for change in changes:
        if isinstance(change, GameChange):
            before = kept[place] if place >= 0 else None
            if isinstance(before, GameChange) and _goes_on(before.new, change.new):
                kept[place] = None
                change = GameChange(before.old, change.new)
            place = len(kept)
        kept.append(change)
    return [change for change in kept if change is not None]


def _goes_on(game: Game | None, later: Game | None) -> bool:
    """Return whether both are the same game, and it had not ended before."""
    return game is not None and later is not None and game.playing and game.number == later.number


def _replace(room: Room, before: User | Game | None, after: User | Game | None) -> None:
    match before, after:
        case _, User():
            room.put(after)
        case User(), None:
            room.drop(before.connection_id)
        case _, Game():
            room.game = after
        case Game(), None:
            room.game = None
