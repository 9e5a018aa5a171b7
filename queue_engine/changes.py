"""What can happen to a room: one user or its game, before and after.

A room is changed by applying changes in order and restored by undoing them in reverse; nothing
copies a room. Storing them is the shell's business (`room_task.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .model import Game, Room, User


@dataclass(frozen=True, slots=True)
class UserChange:
    """A user who came (no ``old``), changed, or went (no ``new``)."""

    old: User | None
    new: User | None


@dataclass(frozen=True, slots=True)
class GameChange:
    """The game of the room, before and after."""

    old: Game | None
    new: Game | None


Change = UserChange | GameChange


def apply(room: Room, changes: Iterable[Change]) -> None:
    """Make the changes, in order."""
    for change in changes:
        _replace(room, change.old, change.new)


def undo(room: Room, changes: Sequence[Change]) -> None:
    """Take the changes back, the last one first."""
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
