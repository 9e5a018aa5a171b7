"""The writing connection: commits at their expected sequence, and trimming of old records.

SQLite runs in a separate thread. Commits that wait while it is busy are stored together, in one
transaction with a savepoint for each. So a busy store syncs the disk less often, and a refused
commit does not affect the others. Whatever fails, a finished transaction is stored completely or
not at all. :mod:`storage.sqlite.rows` knows the contents of the rows.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from storage.contract import Conflict, ItemChange, RoomName, StoreError, StoreUnavailable
from storage.sqlite.guards import SameFile, finish, translated
from storage.sqlite.migrating import VERSION
from storage.sqlite.rows import LAST_OF_ALL, MOST_SEQUENCE, Run, runs

T = TypeVar("T")

# Limit on the changes in one transaction, unless a single commit has more.
CHANGES_AT_ONCE = 1000
TRIM_AT_ONCE = 1000
# In pages of 4 KB. A file with more free pages than this, and more than a quarter, is shrunk.
MOST_FREE_PAGES = 1024
VACUUM_AT_ONCE = 256
INCREMENTAL = 2  # a value of PRAGMA auto_vacuum

MOVED_TO = "SELECT max(sequence) FROM stream WHERE room = ? AND sequence > ?"
LAST_OF_ROOM = "SELECT max(sequence) FROM stream WHERE room = ?"
# Only the oldest records are examined, so that a long stream is never scanned. A record from more
# than a day ahead was written by a wrong clock, and would block the trimming of all later ones.
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


class LockedOut(StoreUnavailable):
    """Another process has locked the file."""


@dataclass(frozen=True, slots=True)
class Order:
    """A requested commit, and the future of its sequence."""

    room: RoomName
    expected: int
    runs: Sequence[Run]
    size: int
    answer: asyncio.Future[int]


Outcome = int | Exception
"""The sequence of a stored order, or the reason why it was not stored."""


class Writer:
    """A connection and its thread.

    ``highest`` is the highest sequence that this process knows to be stored. If the stream's
    counter is lower, somebody has reset it, and new records would appear to be old.
    """

    def __init__(self, database: sqlite3.Connection, file: SameFile, highest: int) -> None:
        self._database = database
        self._file = file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._waiting: list[Order] = []
        self._running: asyncio.Future[list[Outcome]] | None = None
        self._probing: asyncio.Future[None] | None = None
        self._closed = False
        self.highest = highest

    async def commit(self, room: RoomName, expected: int, changes: Sequence[ItemChange]) -> int:
        """Store the changes if the room's stream has not moved past ``expected``."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(Order(room, expected, runs(changes), len(changes), answer))
        if self._running is None:
            self._store_next()
        return await finish(answer)

    @staticmethod
    def is_sane(last: int, highest: int) -> bool:
        """Return whether the stream can continue after ``last``, given that ``highest`` existed."""
        return highest <= last <= MOST_SEQUENCE

    def _store_next(self) -> None:
        orders: list[Order] = []
        size = 0
        while self._waiting and (not orders or size + self._waiting[0].size <= CHANGES_AT_ONCE):
            orders.append(self._waiting.pop(0))
            size += orders[-1].size
        loop = asyncio.get_running_loop()
        self._running = loop.run_in_executor(self._thread, self._store, orders)
        self._running.add_done_callback(partial(self._answer, orders))

    def _answer(self, orders: Sequence[Order], stored: asyncio.Future[list[Outcome]]) -> None:
        self._running = None
        error = stored.exception()
        outcomes = [error] * len(orders) if error is not None else stored.result()
        if isinstance(error, LockedOut):
            # Fail the waiting orders, too: one after another they might wait for minutes.
            outcomes = [*outcomes, *[error] * len(self._waiting)]
            orders, self._waiting = [*orders, *self._waiting], []
        for order, outcome in zip(orders, outcomes, strict=True):
            if isinstance(outcome, int):
                order.answer.set_result(outcome)
            else:
                order.answer.set_exception(outcome)
        if self._waiting:
            self._store_next()

    def _store(self, orders: Sequence[Order]) -> list[Outcome]:
        """Store the orders in one transaction; called in the thread.

        Raises:
            StoreError: none of them was stored.
        """
        with translated():
            try:
                self._begin()
                if not self.is_sane(self._last(), self.highest):
                    raise Conflict("the counter of the stream was changed by another writer")
                outcomes = [self._try(order) for order in orders]
                self._file.check()
            except BaseException:
                self._roll_back()
                raise
            try:
                self._database.execute("COMMIT")
            except BaseException:
                self._roll_back()
                self._overwrite_failed_commit()
                raise
        self.highest = max(self.highest, *(o for o in outcomes if isinstance(o, int)), 0)
        return outcomes

    def _begin(self) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise LockedOut("the file is locked by another process") from error
            raise

    def _last(self) -> int:
        return int(self._database.execute(LAST_OF_ALL).fetchone()[0])

    def _try(self, order: Order) -> Outcome:
        """Store one order, or undo it; the others continue if the cause is this order."""
        self._database.execute("SAVEPOINT one")
        try:
            with translated():
                outcome: Outcome = self._write(order)
        except StoreUnavailable:
            raise
        except Exception as error:
            # Whatever it is, it concerns this order alone, and its caller gets it.
            self._database.execute("ROLLBACK TO one")
            outcome = error
        self._database.execute("RELEASE one")
        return outcome

    def _write(self, order: Order) -> int:
        room, expected = order.room, order.expected
        [moved_to] = self._database.execute(MOVED_TO, (room, expected)).fetchone()
        if moved_to is not None:
            raise Conflict(f"{room} is at {moved_to}, past the expected {expected}")
        for statement, parameters in order.runs:
            changed = self._database.executemany(statement, parameters).rowcount
            if changed != len(parameters):
                missing = len(parameters) - changed
                raise StoreError(f"{missing} of {len(parameters)} items to change do not exist")
        [sequence] = self._database.execute(LAST_OF_ROOM, (room,)).fetchone()
        return expected if sequence is None else int(sequence)

    def _roll_back(self) -> None:
        # After some errors SQLite rolls back by itself.
        if self._database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")

    def _overwrite_failed_commit(self) -> None:
        """Overwrite a transaction whose COMMIT failed, so that no later recovery replays it.

        The COMMIT may fail after its last byte is written, in the sync of the disk. This process
        then ignores the transaction, but after a kill -9 the next one would find it complete in the
        WAL. A write without effect takes its place there.
        """
        with contextlib.suppress(sqlite3.Error):
            self._database.execute(f"PRAGMA user_version = {VERSION}")

    async def probe(self) -> None:
        """Perform a write without effect; concurrent callers share one.

        Raises:
            StoreUnavailable: the file cannot be written.
        """
        if self._probing is None or self._probing.done():
            # One after another, many rooms would wait for a locked file for minutes.
            self._probing = asyncio.ensure_future(self._run(self._probe))
        await finish(self._probing)

    def _probe(self) -> None:
        self._file.check()
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    async def restore_counter(self) -> None:
        """Make the stream continue above every sequence that this process knows.

        Raises:
            StoreUnavailable: the file cannot be written.
        """
        await self._run(self._restore_counter)

    def _restore_counter(self) -> None:
        with translated():
            try:
                self._begin()
                if not self.is_sane(self._last(), self.highest):
                    for statement, value in (
                        ("DELETE FROM stream WHERE sequence > ?", MOST_SEQUENCE),
                        ("DELETE FROM sqlite_sequence WHERE name = ?", "stream"),
                        ("INSERT INTO sqlite_sequence VALUES ('stream', ?)", self.highest + 1),
                    ):
                        self._database.execute(statement, (value,))
                self._database.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    async def trim(self, passed: int, max_records: int) -> None:
        """Delete the records older than a day, and the oldest beyond ``max_records``.

        Records after ``passed`` are kept. If much of the file is then free, shrink it.

        Raises:
            StoreUnavailable: the file cannot be written.
        """
        # Waiting commits run between two of these steps.
        while await self._run(partial(self._trim_some, passed, max_records)) == TRIM_AT_ONCE:
            pass
        while await self._run(self._shrink_a_little):
            pass

    def _trim_some(self, passed: int, max_records: int) -> int:
        # Count first, because deleting nothing would still lock the file.
        bounds = (passed, max_records)
        [old] = self._database.execute(f"SELECT count(*) {OLD}", bounds).fetchone()
        if old:
            self._database.execute(f"DELETE {OLD}", bounds)
        return int(old)

    def _shrink_a_little(self) -> bool:
        """Release some free pages to the file system; return whether there may be more."""
        [mode], [free], [pages] = (
            self._database.execute(f"PRAGMA {name}").fetchone()
            for name in ("auto_vacuum", "freelist_count", "page_count")
        )
        if mode != INCREMENTAL or free <= max(MOST_FREE_PAGES, pages // 4):
            return False
        self._database.execute(f"PRAGMA incremental_vacuum({VACUUM_AT_ONCE})").fetchall()
        return True

    async def _run(self, work: Callable[[], T]) -> T:
        """Run a function in the thread."""
        if self._closed:
            raise StoreUnavailable("the store is closed")

        def guarded() -> T:
            with translated():
                return work()

        return await finish(asyncio.get_running_loop().run_in_executor(self._thread, guarded))

    async def close(self) -> None:
        """Store the waiting orders, and close."""
        self._closed = True
        while self._running is not None:
            await asyncio.wait([self._running])
        # Wait for the thread's other work. Shutting it down twice is harmless.
        await asyncio.to_thread(self._thread.shutdown)
        self._database.close()
