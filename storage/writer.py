"""The one connection that writes: a batch at its expected sequence, and the trim of old records.

Whatever goes wrong in a transaction, when the lock is released it is over and stored either whole
or not at all. What is in the rows is the business of :mod:`storage.rows`.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Sequence

import aiosqlite

from storage.contract import Conflict, ItemChange, RoomName, StoreError, StoreUnavailable
from storage.guards import finish, translated
from storage.opening import VERSION
from storage.rows import Run, runs

TRIM_AT_ONCE = 1000

MOVED_TO = "SELECT max(sequence) FROM stream WHERE room = ? AND sequence > ?"
LAST_OF_ROOM = "SELECT max(sequence) FROM stream WHERE room = ?"
# Only the head of the stream is looked at, so that a long one is never searched for old records.
# One that is a day ahead was written by a clock gone wrong, and would hold up all that follow.
OLD = f"""
    FROM stream
    WHERE sequence IN (
        SELECT sequence FROM stream WHERE sequence <= ? ORDER BY sequence LIMIT {TRIM_AT_ONCE}
    )
    AND (
        abs(julianday('now') - coalesce(julianday(created_at), 0)) > 1
        OR sequence <= (SELECT max(sequence) FROM stream) - ?
    )
"""


class Writer:
    """A connection and the lock that makes its transactions take turns."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._closed = False
        self._locked_out_at = float("-inf")

    async def commit(self, room: RoomName, expected: int, changes: Sequence[ItemChange]) -> int:
        """Store the changes if the room's stream has not moved past ``expected``."""
        return await finish(self._commit(room, expected, runs(changes)))

    async def _commit(self, room: RoomName, expected: int, todo: Sequence[Run]) -> int:
        asked = time.monotonic()
        async with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if asked < self._locked_out_at:
                # It has waited beside the one before; one after another they would wait minutes.
                raise StoreUnavailable("the file is locked by another process")
            with translated():
                try:
                    await self._begin()
                    sequence = await self._write(room, expected, todo)
                except BaseException:
                    await self._roll_back()
                    raise
                try:
                    await self._connection.execute_fetchall("COMMIT")
                except BaseException:
                    await self._roll_back()
                    await self._bury()
                    raise
        return sequence

    async def _begin(self) -> None:
        try:
            await self._connection.execute_fetchall("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                self._locked_out_at = time.monotonic()
            raise

    async def _write(self, room: RoomName, expected: int, todo: Sequence[Run]) -> int:
        [(moved_to,)] = await self._connection.execute_fetchall(MOVED_TO, (room, expected))
        if moved_to is not None:
            raise Conflict(f"{room} is at {moved_to}, past the expected {expected}")
        for statement, parameters in todo:
            cursor = await self._connection.executemany(statement, parameters)
            if cursor.rowcount != len(parameters):
                missing = len(parameters) - cursor.rowcount
                raise StoreError(f"{missing} of {len(parameters)} items to change are not there")
        [(sequence,)] = await self._connection.execute_fetchall(LAST_OF_ROOM, (room,))
        return expected if sequence is None else int(sequence)

    async def _roll_back(self) -> None:
        # After some errors SQLite has done so by itself.
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                await self._connection.rollback()

    async def _bury(self) -> None:
        """Make sure that a batch whose COMMIT failed is not found by whoever opens the file next.

        The COMMIT may fail after its last byte is written, when the disk is asked to sync. This
        process never sees the batch then, but after a kill -9 it would be found complete in the
        WAL. A write that changes nothing takes its place there.
        """
        with contextlib.suppress(sqlite3.Error):
            await self._connection.execute_fetchall(f"PRAGMA user_version = {VERSION}")

    async def probe(self) -> None:
        """Write what changes nothing.

        Raises:
            StoreUnavailable: the file cannot be written.
        """
        await finish(self._probe())

    async def _probe(self) -> None:
        async with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            with translated():
                await self._connection.execute_fetchall(f"PRAGMA user_version = {VERSION}")

    async def trim(self, passed: int, max_records: int) -> None:
        """Delete the records that are older than a day, and those beyond so many.

        None after ``passed`` is.

        Raises:
            StoreUnavailable: not now.
        """
        deleted = TRIM_AT_ONCE
        # A commit that waits has its turn between two of these.
        while deleted == TRIM_AT_ONCE:
            deleted = await finish(self._trim_some(passed, max_records))

    async def _trim_some(self, passed: int, max_records: int) -> int:
        async with self._lock:
            if self._closed:
                return 0
            with translated():
                # Look first: to delete nothing takes the lock on the file all the same.
                [(old,)] = await self._connection.execute_fetchall(
                    f"SELECT count(*) {OLD}", (passed, max_records)
                )
                if old:
                    await self._connection.execute_fetchall(f"DELETE {OLD}", (passed, max_records))
                return int(old)

    async def close(self) -> None:
        """Let the running transaction finish, and close."""
        async with self._lock:
            self._closed = True
            await self._connection.close()
