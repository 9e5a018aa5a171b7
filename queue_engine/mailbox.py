"""A room's mailbox: commands in order of arrival, each with a future for its answer.

Some commands are owed: they report facts, so an outage delays them but never refuses them.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .changes import Change
from .commands import Command, Disconnect


@dataclass(frozen=True, slots=True)
class Played:
    """The result of a stored command: its changes, and the room's sequence after them."""

    changes: tuple[Change, ...]
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """A command, and the future of its answer."""

    command: Command
    answer: asyncio.Future[Played]

    @property
    def is_owed(self) -> bool:
        """Whether the command must be played sooner or later: a lost socket stays lost."""
        return isinstance(self.command, Disconnect)

    def succeed(self, played: Played) -> None:
        """Set the answer, if it is still awaited."""
        if not self.answer.done():
            self.answer.set_result(played)

    def fail(self, error: Exception) -> None:
        """Set an error as the answer, if it is still awaited."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Mailbox:
    """The waiting letters; those that are owed come first."""

    def __init__(self) -> None:
        self._owed: deque[Letter] = deque()
        self._letters: deque[Letter] = deque()

    def put(self, command: Command) -> asyncio.Future[Played]:
        """Add a command; return the future of its answer."""
        answer: asyncio.Future[Played] = asyncio.get_running_loop().create_future()
        self._letters.append(Letter(command, answer))
        return answer

    def drain(self, limit: int) -> list[Letter]:
        """Take out the next letters, at most ``limit``."""
        letters: list[Letter] = []
        for waiting in (self._owed, self._letters):
            while waiting and len(letters) < limit:
                letters.append(waiting.popleft())
        return letters

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Put drained letters back in front."""
        self._owed.extendleft(letter for letter in reversed(letters) if letter.is_owed)
        self._letters.extendleft(letter for letter in reversed(letters) if not letter.is_owed)

    def holds(self, kind: type) -> bool:
        """Return whether a command of that kind is waiting."""
        return any(isinstance(letter.command, kind) for letter in self._letters)

    def refuse(self, error: Exception) -> None:
        """Fail every letter except those that are owed."""
        letters, self._letters = self._letters, deque()
        for letter in letters:
            if letter.is_owed:
                self._owed.append(letter)
            else:
                letter.fail(error)

    def fail_all(self, error: Exception) -> None:
        """Fail every letter, because the room has ended."""
        for letter in self.drain(len(self)):
            letter.fail(error)

    def __len__(self) -> int:
        return len(self._owed) + len(self._letters)

    @property
    def has_new(self) -> bool:
        """Whether a letter is waiting outside the queue of owed ones."""
        return bool(self._letters)
