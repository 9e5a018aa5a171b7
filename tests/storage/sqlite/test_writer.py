"""The writer among other writers: who waits for a lock, and for how long."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import open_store
from storage.contract import RoomName, Store, StoreUnavailable
from storage.sqlite.opening import BUSY_SECONDS
from tests.storage.items import insert, user

ROOMS = [RoomName(f"room-{number}") for number in range(6)]


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await open_store(f"sqlite:///{path}")
    yield store
    await store.close()


async def test_rooms_wait_for_a_locked_file_together_not_one_after_the_other(
    store: Store, path: Path
) -> None:
    commits = [(room, 0, [insert(user(number, room=room))]) for number, room in enumerate(ROOMS)]
    # A commit per room is on its way when the file turns out to be locked.
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        outcomes = await asyncio.gather(
            *(store.commit(*commit) for commit in commits), return_exceptions=True
        )
        assert time.monotonic() - started < 3 * BUSY_SECONDS
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        other.execute("ROLLBACK")
    assert await asyncio.gather(*(store.commit(*commit) for commit in commits))
