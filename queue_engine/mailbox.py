"""A room's mailbox: commands in the order in which they came, each with a place for its answer.

It also keeps what is owed: commands that tell what has happened, which an outage delays and never
refuses.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .changes import Change
from .commands import Command, Disconnect


@dataclass(frozen=True, slots=True)
class Played:
    """A command that was played and stored: what it changed, and the room's sequence since."""

    changes: tuple[Change, ...]
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """A command, and where its answer goes."""

    command: Command
    answer: asyncio.Future[Played]

    @property
    def is_owed(self) -> bool:
        """Whether the command has to be played sooner or later: a lost socket stays lost."""
        return isinstance(self.command, Disconnect)

    def succeed(self, played: Played) -> None:
        """Answer, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_result(played)

    def fail(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Mailbox:
    """Letters that wait for their turn; those that are owed come before the others."""

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
        """Put letters that were drained back to where they came from."""
        self._owed.extendleft(letter for letter in reversed(letters) if letter.is_owed)
        self._letters.extendleft(letter for letter in reversed(letters) if not letter.is_owed)

    def holds(self, kind: type) -> bool:
        """Tell whether a command of that kind waits."""
        return any(isinstance(letter.command, kind) for letter in self._letters)

    def refuse(self, error: Exception) -> None:
        """Fail every letter but those that are owed."""
        letters, self._letters = self._letters, deque()
        for letter in letters:
            if letter.is_owed:
                self._owed.append(letter)
            else:
                letter.fail(error)

    def fail_all(self, error: Exception) -> None:
        """Fail everything: the room has ended."""
        for letter in self.drain(len(self)):
            letter.fail(error)

    def __len__(self) -> int:
        return len(self._owed) + len(self._letters)

    @property
    def has_new(self) -> bool:
        """Whether anything waits that is not owed."""
        return bool(self._letters)
