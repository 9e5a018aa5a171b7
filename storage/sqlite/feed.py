"""The stream for its reader: the followed rooms, and the position in the records.

A room's stream continues from the snapshot it was loaded with. Both are read under one lock, so no
record is lost between them and none is sent twice. Read failures are retried, never raised.
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
from storage.sqlite.guards import finish
from storage.sqlite.reader import READ_AT_ONCE, Reader, Snapshots
from storage.sqlite.rows import Record, change
from storage.sqlite.writer import Writer

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


Asked = tuple[RoomName, asyncio.Future[Snapshot]]
"""A room to load, and the future of its snapshot."""


class Feed:
    """The followed rooms and the position in the stream.

    ``passed`` is the sequence up to which every record has been sent, or did not need to be.
    """

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self._asked: list[Asked] = []
        self._loading: asyncio.Task[None] | None = None
        self._loaded_at: dict[RoomName, int] = {}
        self._openings: dict[RoomName, Batch] = {}  # of rooms whose stream has not begun yet
        self._news = asyncio.Event()
        self._data_version: int | None = None
        self._failing = False
        self._ended = False
        self.passed = writer.highest

    async def load(self, room: RoomName) -> Snapshot:
        """Return the room's items, and follow the room.

        Rooms requested while others are being read are then read together.
        """
        answer: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._asked.append((room, answer))
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="load rooms")
        try:
            return await finish(answer)
        except asyncio.CancelledError:
            self.forget(room)
            raise

    async def _load(self) -> None:
        try:
            while self._asked:
                async with self._lock:
                    asked, self._asked = self._asked, []
                    await self._load_together(asked)
        finally:
            self._loading = None

    async def _load_together(self, asked: Sequence[Asked]) -> None:
        try:
            snapshots = await self._snapshots([room for room, _ in asked])
        except BaseException as error:
            reason = error if isinstance(error, Exception) else StoreUnavailable("interrupted")
            for _, answer in asked:
                answer.set_exception(reason)
            if reason is not error:
                raise
            return
        for room, answer in asked:
            snapshot = snapshots[room]
            if isinstance(snapshot, Snapshot):
                self._open(snapshot, room)
                answer.set_result(snapshot)
            else:
                answer.set_exception(snapshot)

    async def _snapshots(self, rooms: Sequence[RoomName]) -> Snapshots:
        highest = self._writer.highest
        snapshots = await self._reader.snapshots(rooms)
        for snapshot in snapshots.values():
            if isinstance(snapshot, Snapshot) and not self._writer.is_sane(
                snapshot.sequence, highest
            ):
                await self._writer.restore_counter()
                return await self._reader.snapshots(rooms)
        return snapshots

    def _open(self, snapshot: Snapshot, room: RoomName) -> None:
        again = room in self._loaded_at
        self.forget(room)
        self._loaded_at[room] = snapshot.sequence
        changes = tuple(_inserts(snapshot))
        if changes or again:
            self._openings[room] = Batch(room, snapshot.sequence, changes, whole=True)
            self.wake()

    def forget(self, room: RoomName) -> None:
        """Stop following the room."""
        self._loaded_at.pop(room, None)
        self._openings.pop(room, None)

    def wake(self) -> None:
        """Make the stream look for records at once."""
        self._news.set()

    async def stream(self) -> AsyncIterator[Batch]:
        """Yield the new batches of the followed rooms until closed."""
        self._data_version = None  # the previous reader may not have taken all that was read
        while not self._ended:
            records = await self._next_records()
            # Openings first: the records of a room come after its snapshot.
            while self._openings:
                yield self._openings.pop(next(iter(self._openings)))
            for batch in self._batches(records):
                yield batch
            if len(records) < READ_AT_ONCE:
                await self._wait_for_news()

    async def _next_records(self) -> Sequence[Record]:
        """Read the next records if this process or another has written to the file."""
        woken = self._news.is_set()
        self._news.clear()
        async with self._lock:
            try:
                version = None if woken else await self._reader.data_version()
                if version is not None and version == self._data_version:
                    return ()
                records = await self._read_records()
            except StoreUnavailable as error:
                self._report(error)
                return ()
        self._report(None)
        if version is not None and len(records) < READ_AT_ONCE:
            self._data_version = version
        return records

    async def _read_records(self) -> Sequence[Record]:
        """Read the next records; if some are missing, load every followed room again instead.

        An operator may delete records before they are read, or reset the counter of the stream, so
        that new records have sequences that were passed long ago.
        """
        highest = self._writer.highest
        last, records = await self._reader.records(self.passed)
        if not self._writer.is_sane(last, highest):
            await self._writer.restore_counter()
            last, records = await self._reader.records(self.passed)
        reached = records[-1][0] if records else self.passed
        if len(records) == READ_AT_ONCE or reached == last:
            return records
        extra = {"action": "stream_broken", "passed": self.passed, "last": last}
        logger.warning("records missing from the stream; loading every room again", extra=extra)
        for room, snapshot in (await self._reader.snapshots(list(self._loaded_at))).items():
            if isinstance(snapshot, Snapshot):
                self._open(snapshot, room)
            else:
                logger.error("room unreadable", extra={"room": room, "reason": str(snapshot)})
        self.passed = last
        return ()

    def _batches(self, records: Sequence[Record]) -> Iterator[Batch]:
        """Group adjacent records of one room.

        This is a generator, so that each group is checked only when it is needed. By then its room
        may have been forgotten, or loaded again with these changes.
        """
        for room, neighbours in groupby(records, key=lambda record: record[1]):
            group = list(neighbours)
            self.passed = group[-1][0]
            self._writer.highest = max(self._writer.highest, self.passed)
            if room in self._loaded_at:
                after = self._loaded_at[room]
                if changes := tuple(change(record) for record in group if record[0] > after):
                    yield Batch(room, self.passed, changes)

    async def _wait_for_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._news.wait()

    def _report(self, error: StoreUnavailable | None) -> None:
        """Log the first of consecutive failures, and the recovery."""
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
