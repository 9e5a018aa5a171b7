"""A store that keeps everything in memory: the twin of the SQLite store in the tests.

It passes the contract suite. A test can make it fail as a disk does, or change it behind the back
of its user as an operator does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from storage.contract import (
    Batch,
    Conflict,
    EventName,
    Item,
    ItemChange,
    RoomName,
    Snapshot,
    StoreError,
    StoreUnavailable,
    Table,
)

Key = tuple[Table, str]


class Disk:
    """What outlives a store: the items of every room, and where each room's stream is."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.sequence = 0
        self.sequences: dict[RoomName, int] = {}

    def apply(self, room: RoomName, changes: Sequence[ItemChange]) -> int:
        """Store all changes or none; return the sequence of the last."""
        items = dict(self.items)
        for change in changes:
            _apply(items, room, change)
        self.items = items
        if changes:
            self.sequence += len(changes)
            self.sequences[room] = self.sequence
        return self.sequences.get(room, 0)

    def of_room(self, room: RoomName, table: Table) -> list[Item]:
        """Return the items of a room."""
        return [i for (its, _), i in self.items.items() if its is table and i["room"] == room]


class MemoryStore:
    """A :class:`~storage.contract.Store`; ``outage`` is the reason why it cannot be used."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.outage: str | None = None
        self._held = False
        self._loaded: set[RoomName] = set()
        self._told: set[RoomName] = set()
        self._batches: deque[Batch] = deque()
        self._news = asyncio.Event()
        self._closed = False

    async def load(self, room: RoomName) -> Snapshot:
        """Return the room's items, and follow the room."""
        await self._answer()
        users = self.disk.of_room(room, Table.USERS)
        users.sort(key=lambda user: (str(user["joined_at"]), str(user["connection_id"])))
        game = next(iter(self.disk.of_room(room, Table.GAMES)), None)
        sequence = self.disk.sequence
        told = room in self._told
        await self.forget(room)
        self._loaded.add(room)
        changes = [ItemChange(EventName.INSERT, Table.USERS, None, user) for user in users]
        if game is not None:
            changes.append(ItemChange(EventName.INSERT, Table.GAMES, None, game))
        if changes or told:
            self._queue(Batch(room, sequence, tuple(changes), whole=True))
        return Snapshot(users, game, sequence)

    async def commit(
        self, room: RoomName, expected_sequence: int, changes: Sequence[ItemChange]
    ) -> int:
        """Store all changes, in order, or none; return the sequence of the last."""
        await self._answer()
        if self.disk.sequences.get(room, 0) > expected_sequence:
            raise Conflict(f"{room} has moved past {expected_sequence}")
        return self.edit(room, *changes) if changes else expected_sequence

    def edit(self, room: RoomName, *changes: ItemChange) -> int:
        """Change the room, by whatever hands; return its sequence."""
        self.disk.apply(room, changes)
        return self.tell(room, *changes)

    def tell(self, room: RoomName, *changes: ItemChange) -> int:
        """Put changes into the stream, whether they are stored or not; return the sequence."""
        sequence = self.disk.sequences.get(room, 0)
        if room in self._loaded:
            self._queue(Batch(room, sequence, tuple(changes)))
        return sequence

    def hold_stream(self, on: bool = True) -> None:
        """Let the stream bring nothing, or go on."""
        self._held = on
        self._news.set()

    async def stream(self) -> AsyncIterator[Batch]:
        """Yield the committed batches of the followed rooms."""
        while not self._closed:
            while self._batches and not self._held:
                batch = self._batches.popleft()
                self._told.add(batch.room)
                yield batch
            self._news.clear()
            await self._news.wait()

    async def forget(self, room: RoomName) -> None:
        """Stop following the room."""
        self._loaded.discard(room)
        self._told.discard(room)
        self._batches = deque(batch for batch in self._batches if batch.room != room)

    async def rooms(self) -> Sequence[RoomName]:
        """Return every room that has an item."""
        await self._answer()
        return sorted({RoomName(str(item["room"])) for item in self.disk.items.values()})

    async def ping(self) -> None:
        """Return when the store can be read."""
        await self._answer()

    async def probe(self) -> None:
        """Return when the store can be written."""
        await self._answer()

    async def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._news.set()

    async def _answer(self) -> None:
        closed = self._closed
        await asyncio.sleep(0)  # any store takes a moment
        if closed or self.outage is not None:
            raise StoreUnavailable(self.outage or "the store is closed")

    def _queue(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._news.set()


def _apply(items: dict[Key, Item], room: RoomName, change: ItemChange) -> None:
    image = change.new_image or change.old_image or {}
    key = (change.table, str(image["connection_id" if change.table is Table.USERS else "room"]))
    stored = items.get(key)
    if change.event_name is EventName.INSERT:
        if stored is not None:
            raise StoreError(f"{key} is there already")
    elif stored is None or stored["room"] != image["room"]:
        raise StoreError(f"{key} is not there")
    if change.new_image is None:
        del items[key]
        return
    if any(isinstance(value, int) and abs(value) >= 2**63 for value in change.new_image.values()):
        raise StoreError(f"{key} has a number that no store keeps")
    items[key] = change.new_image
    if change.table is Table.USERS:
        marker = change.new_image["marker"]
        rivals = [i for i in items.values() if i["room"] == room and i.get("marker") == marker]
        if (image["status"] == "active") is (marker is None) or (marker and len(rivals) > 1):
            raise StoreError(f"{key} cannot sit there")
