"""The execution of one command: the room, the time, the house rules, and the changes so far.

Rules change a room only through a :class:`Transaction`. It applies and records each change at once,
so that later steps see earlier ones and everything can be undone.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .changes import Change, GameChange, UserChange, apply, undo
from .house import HouseRules
from .model import Game, Room, Status, User

# The first and the last time that can be represented.
START_OF_TIME = datetime.min.replace(tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def just_after(moment: datetime) -> datetime:
    """Return the next moment; the last moment, which an operator may have written, has none."""
    return min(moment, END_OF_TIME - timedelta(microseconds=1)) + timedelta(microseconds=1)


def later(moment: datetime, by: timedelta) -> datetime:
    """Return the moment that much later, within the bounds; operators may write any time."""
    return moment + max(min(by, END_OF_TIME - moment), START_OF_TIME - moment)


class Transaction:
    """The changes of one command to a room."""

    def __init__(self, room: Room, now: datetime, house: HouseRules) -> None:
        self.room = room
        self.now = now
        self.house = house
        self.changes: list[Change] = []
        self.nobody_waited = not room.present_line

    def after(self, seconds: float) -> datetime:
        """Return the moment that many seconds from now."""
        return self.now + timedelta(seconds=seconds)

    def next_joined_at(self) -> datetime:
        """Return a place behind everybody who ever joined, even if the clock went back."""
        return max(self.now, just_after(self.room.latest_joined_at))

    def add(self, user: User) -> User:
        """Add a user."""
        self._record(UserChange(None, user))
        return user

    def update(self, user: User, **attributes: Any) -> User:
        """Change a user, unless nothing differs; return the user as it is now."""
        new = replace(user, **attributes)
        if new != user:
            self._record(UserChange(user, new))
        return new

    def remove(self, user: User) -> None:
        """Remove a user's row."""
        self._record(UserChange(user, None))

    def set_game(self, game: Game | None) -> None:
        """Replace the room's game, unless nothing differs."""
        if game != self.room.game:
            self._record(GameChange(self.room.game, game))

    def update_game(self, game: Game, **attributes: Any) -> Game:
        """Change the room's game, unless nothing differs; return it as it is now."""
        new = replace(game, **attributes)
        self.set_game(new)
        return new

    def to_end_of_line(self, user: User) -> User:
        """Move a user behind everybody else, without seat, marker and streak."""
        return self.update(
            user,
            status=Status.INACTIVE,
            joined_at=self.next_joined_at(),
            marker=None,
            seated_at=None,
            seat_until=None,
            streak=0,
        )

    def undo(self) -> None:
        """Undo all changes."""
        undo(self.room, self.changes)
        self.changes.clear()

    def _record(self, change: Change) -> None:
        apply(self.room, (change,))
        self.changes.append(change)
