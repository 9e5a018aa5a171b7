"""What surrounds every use of a connection: its errors in the contract's words, its end assured.

It knows how sqlite3 fails and how asyncio cancels, and nothing of what is done in between.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from storage.contract import StoreError, StoreUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")


class SameFile:
    """Some files that are open, and whether their names still lead to them.

    A file that was removed or replaced is written to as ever, but nobody will find it at the next
    start.
    """

    def __init__(self, *paths: Path) -> None:
        self._opened = {path: _identity(path) for path in paths}
        self._missing = False

    def check(self) -> None:
        """Raise unless each name leads to the file that was opened under it.

        It costs a microsecond a file, so it is asked before every commit.

        Raises:
            StoreUnavailable: a file was removed or replaced.
        """
        for path, opened in self._opened.items():
            if (found := _identity(path)) != opened:
                what = "removed" if found is None else "replaced"
                error = StoreUnavailable(f"{path} was {what} while it is in use")
                if not self._missing:
                    extra = {"action": "store_gone", "reason": str(error)}
                    logger.error("database file gone; put it back or restart", extra=extra)
                self._missing = True
                raise error
        if self._missing:
            self._missing = False
            logger.info("database file is back", extra={"action": "store_back"})


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def translated() -> Iterator[None]:
    """Raise what sqlite3 raises as a :class:`StoreError`."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        # The caller held the latest sequence, so waiting or catching up will not mend this.
        raise StoreError(f"what is stored does not admit the changes: {error}") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


async def finish(work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Run the work to its end, even if the caller is cancelled; only then is the caller told.

    A transaction that is left in the middle would swallow whatever comes after it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            # Cancelled again, it still waits: the work is short, its busy timeout a second.
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # nobody is left to take it
        raise
