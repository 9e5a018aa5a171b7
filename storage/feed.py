"""The stream as its reader sees it: which rooms are followed, and how far the records are read.

A room's stream joins on to the snapshot it was loaded with: both are read under one lock, so no
record falls between them, and none is told twice. Failures to read are waited out, never raised.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import groupby

from storage.contract import (
    Batch,
    EventName,
    ItemChange,
    RoomName,
    Snapshot,
    StoreUnavailable,
    Table,
)
from storage.guards import finish
from storage.reader import READ_AT_ONCE, Reader
from storage.rows import Record, change

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


class Feed:
    """The followed rooms and the place in the stream.

    ``passed`` is the sequence up to which every record has been told, or needed no telling.
    """

    def __init__(self, reader: Reader, passed: int) -> None:
        self._reader = reader
        self._lock = asyncio.Lock()
        self._loaded_at: dict[RoomName, int] = {}
        self._openings: dict[RoomName, Batch] = {}  # of rooms whose stream has not begun yet
        self._news = asyncio.Event()
        self._data_version: int | None = None
        self._failing = False
        self._ended = False
        self.passed = passed

    async def load(self, room: RoomName) -> Snapshot:
        """Return the room's items, and follow the room."""
        try:
            return await finish(self._load(room))
        except asyncio.CancelledError:
            self.forget(room)
            raise

    async def _load(self, room: RoomName) -> Snapshot:
        async with self._lock:
            snapshot = await self._reader.snapshot(room)
            told = room in self._loaded_at and room not in self._openings
            self.forget(room)
            self._loaded_at[room] = snapshot.sequence
            changes = tuple(_inserts(snapshot))
            if changes or told:
                self._openings[room] = Batch(room, snapshot.sequence, changes, whole=True)
                self.wake()
            return snapshot

    def forget(self, room: RoomName) -> None:
        """Stop following the room."""
        self._loaded_at.pop(room, None)
        self._openings.pop(room, None)

    def wake(self) -> None:
        """Let the stream look for records at once."""
        self._news.set()

    async def stream(self) -> AsyncIterator[Batch]:
        """Yield what is new in the followed rooms, until the end."""
        self._data_version = None  # the last reader may have left before the end of what was read
        while not self._ended:
            records = await self._next_records()
            # Openings first: the records of a room come after its snapshot.
            while self._openings:
                yield self._openings.pop(next(iter(self._openings)))
            for batch in self._batches(records):
                yield batch
            if len(records) < READ_AT_ONCE:
                await self._nap()

    async def _next_records(self) -> Sequence[Record]:
        """Read on if this process has written, or the file has changed by other hands."""
        woken = self._news.is_set()
        self._news.clear()
        async with self._lock:
            try:
                version = None if woken else await self._reader.data_version()
                if version is not None and version == self._data_version:
                    return ()
                records = await self._reader.records(self.passed)
            except StoreUnavailable as error:
                self._report(error)
                return ()
        self._report(None)
        if version is not None and len(records) < READ_AT_ONCE:
            self._data_version = version
        return records

    def _batches(self, records: Sequence[Record]) -> Iterator[Batch]:
        """Group neighbours of one room.

        This is a generator so that each group is judged when its turn comes: by then its room may
        be forgotten, or loaded anew with all of this in it.
        """
        for room, neighbours in groupby(records, key=lambda record: record[1]):
            group = list(neighbours)
            self.passed = group[-1][0]
            if room in self._loaded_at:
                after = self._loaded_at[room]
                if changes := tuple(change(record) for record in group if record[0] > after):
                    yield Batch(room, self.passed, changes)

    async def _nap(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._news.wait()

    def _report(self, error: StoreUnavailable | None) -> None:
        """Log the first failure of a row of them, and the recovery."""
        if self._failing is not (failing := error is not None) and not self._ended:
            self._failing = failing
            if failing:
                logger.error(
                    "stream unreadable", extra={"action": "stream_unreadable", "reason": str(error)}
                )
            else:
                logger.info("stream readable again", extra={"action": "stream_readable"})

    async def close(self) -> None:
        """End the stream, and close the reader."""
        self._ended = True
        self.wake()
        async with self._lock:
            await self._reader.close()


def _inserts(snapshot: Snapshot) -> Iterator[ItemChange]:
    for user in snapshot.users:
        yield ItemChange(EventName.INSERT, Table.USERS, None, user)
    if snapshot.game is not None:
        yield ItemChange(EventName.INSERT, Table.GAMES, None, snapshot.game)
