"""What lies in a room's mailbox: a command, and a place for its answer."""

import asyncio
from dataclasses import dataclass

from .changes import Change
from .commands import Command


@dataclass(frozen=True, slots=True)
class Played:
    """A command that was played and stored: what it changed, and the room's sequence since."""

    changes: tuple[Change, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A command, and where its answer goes."""

    command: Command
    answer: asyncio.Future[Played]

    def fail(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


# What became of a letter, before it is known whether it could be stored.
Outcome = tuple[Letter, tuple[Change, ...] | Exception]
