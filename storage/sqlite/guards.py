"""Guards around the use of a connection: translated errors, uninterrupted work, the same file.

This module knows how sqlite3 fails and how asyncio cancels, and nothing of the work in between.
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
    """Checks that the paths of open files still refer to them.

    A process can go on writing to a file that was removed or replaced, but the next start will not
    find what it wrote.
    """

    def __init__(self, *paths: Path) -> None:
        self._opened = {path: _identity(path) for path in paths}
        self._missing = False

    def check(self) -> None:
        """Check that each path refers to the file that was opened under it.

        It takes a microsecond per file, so it is done before every commit.

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
    """Convert exceptions of sqlite3 to :class:`StoreError`."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        # The caller had the latest sequence, so neither waiting nor catching up will help.
        raise StoreError(f"the stored rows do not allow the changes: {error}") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


async def finish(work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Run the work to its end even if the caller is cancelled, and cancel the caller afterwards.

    A transaction left open would include everything that follows.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            # Keep waiting if cancelled again: the work is short, with a busy timeout of a second.
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # mark it as retrieved
        raise
