"""The one connection that writes: batches at their expected sequence, and the trim of old records.

SQLite runs in a thread of its own. Commits that wait while it is busy are stored together, in one
transaction with a savepoint for each: so a busy store syncs the disk less often, and yet a commit
that is refused is refused alone. Whatever goes wrong, when the thread is done with a transaction
it is stored either whole or not at all. What is in the rows is the business of
:mod:`storage.sqlite.rows`.
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

# So many changes are stored at once, or those of one commit, if it has more.
CHANGES_AT_ONCE = 1000
TRIM_AT_ONCE = 1000
# Pages of 4 KB. So much of a file may be free, and a quarter of it, before it is made shorter.
MOST_FREE_PAGES = 1024
VACUUM_AT_ONCE = 256
INCREMENTAL = 2  # of PRAGMA auto_vacuum

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


class LockedOut(StoreUnavailable):
    """Another process holds the lock of the file."""


@dataclass(frozen=True, slots=True)
class Order:
    """A commit that was asked for, and where its answer goes."""

    room: RoomName
    expected: int
    runs: Sequence[Run]
    size: int
    answer: asyncio.Future[int]


Outcome = int | Exception
"""The sequence of an order that was stored, or why it was not."""


class Writer:
    """A connection and its thread.

    ``highest`` is the highest sequence that this process knows to be stored. If the stream's own
    counter is lower, somebody has set it back, and what is stored next would be taken for old.
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
        """Tell whether the stream can go on after ``last``, if ``highest`` was known before."""
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
            # These have waited beside those; one after another they would wait for minutes.
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
        """Store the orders in one transaction; this runs in the thread.

        Raises:
            StoreError: none of them is stored.
        """
        with translated():
            try:
                self._begin()
                if not self.is_sane(self._last(), self.highest):
                    raise Conflict("the counter of the stream was changed by other hands")
                outcomes = [self._try(order) for order in orders]
                self._file.check()
            except BaseException:
                self._roll_back()
                raise
            try:
                self._database.execute("COMMIT")
            except BaseException:
                self._roll_back()
                self._bury()
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
        """Store one order, or undo what was done of it; others go on if the reason is its own."""
        self._database.execute("SAVEPOINT one")
        try:
            with translated():
                outcome: Outcome = self._write(order)
        except StoreUnavailable:
            raise
        except Exception as error:
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
                raise StoreError(f"{missing} of {len(parameters)} items to change are not there")
        [sequence] = self._database.execute(LAST_OF_ROOM, (room,)).fetchone()
        return expected if sequence is None else int(sequence)

    def _roll_back(self) -> None:
        # After some errors SQLite has done so by itself.
        if self._database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")

    def _bury(self) -> None:
        """Make sure that a batch whose COMMIT failed is not found by whoever opens the file next.

        The COMMIT may fail after its last byte is written, when the disk is asked to sync. This
        process never sees the batch then, but after a kill -9 it would be found complete in the
        WAL. A write that changes nothing takes its place there.
        """
        with contextlib.suppress(sqlite3.Error):
            self._database.execute(f"PRAGMA user_version = {VERSION}")

    async def probe(self) -> None:
        """Write what changes nothing; callers that ask at the same time share one answer.

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
        """Have the stream go on above every sequence that this process knows.

        Raises:
            StoreUnavailable: not now.
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
        """Delete the records that are older than a day, and those beyond so many.

        None after ``passed`` is. If much of the file is free then, make it shorter.

        Raises:
            StoreUnavailable: not now.
        """
        # A commit that waits has its turn between two of these.
        while await self._run(partial(self._trim_some, passed, max_records)) == TRIM_AT_ONCE:
            pass
        while await self._run(self._shrink_a_little):
            pass

    def _trim_some(self, passed: int, max_records: int) -> int:
        # Look first: to delete nothing takes the lock on the file all the same.
        bounds = (passed, max_records)
        [old] = self._database.execute(f"SELECT count(*) {OLD}", bounds).fetchone()
        if old:
            self._database.execute(f"DELETE {OLD}", bounds)
        return int(old)

    def _shrink_a_little(self) -> bool:
        """Give some free pages back to the file system; tell whether there may be more."""
        [mode], [free], [pages] = (
            self._database.execute(f"PRAGMA {name}").fetchone()
            for name in ("auto_vacuum", "freelist_count", "page_count")
        )
        if mode != INCREMENTAL or free <= max(MOST_FREE_PAGES, pages // 4):
            return False
        self._database.execute(f"PRAGMA incremental_vacuum({VACUUM_AT_ONCE})").fetchall()
        return True

    async def _run(self, work: Callable[[], T]) -> T:
        """Do some work in the thread."""
        if self._closed:
            raise StoreUnavailable("the store is closed")

        def guarded() -> T:
            with translated():
                return work()

        return await finish(asyncio.get_running_loop().run_in_executor(self._thread, guarded))

    async def close(self) -> None:
        """Store what waits, and close."""
        self._closed = True
        while self._running is not None:
            await asyncio.wait([self._running])
        # After whatever else the thread was asked to do; to close it once more does nothing.
        await asyncio.to_thread(self._thread.shutdown)
        self._database.close()
