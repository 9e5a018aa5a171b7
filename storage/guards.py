"""What surrounds every use of a connection: its errors in the contract's words, its end assured.

It knows how sqlite3 fails and how asyncio cancels, and nothing of what is done in between.
"""

import asyncio
import sqlite3
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from storage.contract import StoreError, StoreUnavailable

T = TypeVar("T")


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


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run the work to its end, even if the caller is cancelled; only then is the caller told.

    A transaction that is left in the middle would swallow whatever comes after it.
    """
    task = asyncio.create_task(work)
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
