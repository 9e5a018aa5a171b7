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
