"""The SQLite store: a connection that writes, one that reads, and the stream between them.

The commits of all writers reach the stream in the same way. Triggers append to the table ``stream``
in the same transaction, and the reader, which sees committed data only, reads that table. This
module opens, connects and closes the parts.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

import aiosqlite

from storage.contract import (
    Batch,
    ItemChange,
    RoomName,
    Snapshot,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
)
from storage.sqlite.feed import Feed
from storage.sqlite.guards import SameFile, finish
from storage.sqlite.opening import BUSY_SECONDS, Interrupt, prepare
from storage.sqlite.reader import Reader
from storage.sqlite.writer import Writer

logger = logging.getLogger(__name__)

TRIM_SECONDS = 60.0
# Time between two attempts to interrupt an opening (seconds).
INTERRUPT_SECONDS = 0.05


class SQLiteStore:
    """A :class:`~storage.contract.Store` in one file, for one process."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        feed: Feed,
        file: SameFile,
        lock: TextIO,
        max_records: int,
    ) -> None:
        self._writer, self._reader, self._feed = writer, reader, feed
        self._file, self._lock = file, lock
        self._trimming = asyncio.create_task(self._trim(max_records), name="trim the stream")

    @classmethod
    async def open(cls, path: Path, max_records: int, check: bool) -> "SQLiteStore":
        """Open a new or an existing file; its stream keeps a day and at most ``max_records``.

        The whole file is checked after an unclean shutdown, or if ``check`` is true.

        Raises:
            StoreUnusable: with a one-line reason that names the file.
        """
        # Resolve links, so that the file is locked under one name.
        path = Path(await asyncio.to_thread(os.path.realpath, path))
        lock = await _prepare(path, check)
        async with AsyncExitStack() as undo:
            undo.callback(lock.close)
            try:
                connection = await aiosqlite.connect(
                    path, timeout=BUSY_SECONDS, isolation_level=None
                )
                undo.push_async_callback(connection.close)
                await connection.execute_fetchall("PRAGMA query_only = ON")
                reader = Reader(connection)
                last = await reader.last_sequence()
                # From here on only the writer's thread uses it.
                database = sqlite3.connect(
                    path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
                )
                undo.callback(database.close)
                database.execute("PRAGMA synchronous = FULL")
                # The reader has created the WAL, and SQLite keeps it while the file is in use.
                file = SameFile(path, path.with_name(f"{path.name}-wal"))
                writer = Writer(database, file, highest=last)
            except (sqlite3.Error, StoreError) as error:
                raise StoreUnusable(f"{path}: {error}") from error
            undo.pop_all()
        feed = Feed(reader, writer)
        return cls(writer, reader, feed, file, lock, max_records)

    async def load(self, room: RoomName) -> Snapshot:
        """Return the room's items, and follow the room."""
        return await self._feed.load(room)

    async def commit(
        self, room: RoomName, expected_sequence: int, changes: Sequence[ItemChange]
    ) -> int:
        """Store all changes, in order, or none; return the sequence of the last."""
        try:
            return await self._writer.commit(room, expected_sequence, changes)
        finally:
            self._feed.wake()  # a cancelled caller may have committed, too

    def stream(self) -> AsyncIterator[Batch]:
        """Yield the committed batches of the followed rooms, from every writer."""
        return self._feed.stream()

    async def forget(self, room: RoomName) -> None:
        """Stop following the room."""
        self._feed.forget(room)

    async def rooms(self) -> Sequence[RoomName]:
        """Return every room that has an item."""
        return await self._reader.rooms()

    async def ping(self) -> None:
        """Check that a table can be read and that the file is in place."""
        await self._reader.ping()
        await asyncio.to_thread(self._file.check)

    async def probe(self) -> None:
        """Check that the file can be written."""
        await self._writer.probe()

    async def close(self) -> None:
        """Finish running work, end the stream, close the file and unlock it."""
        await finish(self._close())

    async def _close(self) -> None:
        self._trimming.cancel()
        await asyncio.wait([self._trimming])
        await self._feed.close()
        await self._writer.close()  # last, so that it checkpoints the WAL
        self._lock.close()

    async def _trim(self, max_records: int) -> None:
        while True:
            try:
                await self._writer.trim(self._feed.passed, max_records)
            except StoreUnavailable as error:
                logger.warning(
                    "stream not trimmed", extra={"action": "trim_failed", "reason": str(error)}
                )
            await asyncio.sleep(TRIM_SECONDS)  # the timer itself


async def _prepare(path: Path, check: bool) -> TextIO:
    """Prepare the file in a thread, which is interrupted if this is cancelled."""
    interrupt = Interrupt()
    preparing = asyncio.ensure_future(asyncio.to_thread(prepare, path, check, interrupt))
    try:
        return await asyncio.shield(preparing)
    except asyncio.CancelledError:
        while not preparing.done():
            interrupt.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([preparing], timeout=INTERRUPT_SECONDS)
        if preparing.exception() is None:
            preparing.result().close()
        raise
