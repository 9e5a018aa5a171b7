"""The writer among other writers: who waits for a lock, and for how long."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from storage import open_store
from storage.contract import RoomName, StoreUnavailable
from storage.opening import BUSY_SECONDS
from tests.storage.items import insert, user

ROOMS = [RoomName(f"room-{number}") for number in range(6)]


async def test_rooms_wait_for_a_locked_file_together_not_one_after_the_other(path: Path) -> None:
    store = await open_store(f"sqlite:///{path}")
    commits = [
        (room, 0, [insert(user(number, room=room))]) for number, room in enumerate(ROOMS)
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        outcomes = await asyncio.gather(
            *(store.commit(*commit) for commit in commits), return_exceptions=True
        )
        assert time.monotonic() - started < 3 * BUSY_SECONDS
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * len(ROOMS)
        other.execute("ROLLBACK")
    assert await asyncio.gather(*(store.commit(*commit) for commit in commits))
    await store.close()
