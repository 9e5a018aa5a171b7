"""A room as this process knows it, and its position in the stored stream.

Own commits advance it at once. Changes by other writers wait, in order, until the room's task
applies them between two batches. It loads snapshots from a store and writes nothing.
"""

from storage.contract import RoomName, Store

from . import changes as history
from .items import Committed, to_room
from .model import ConnectionId, Room


class Replica:
    """The room in memory as of ``sequence``; the stream has delivered up to ``announced``."""

    def __init__(self, name: RoomName) -> None:
        self.name = name
        self.room = Room(name)
        self.sequence = 0
        self.announced = 0
        self._news: list[Committed] = []

    async def load(self, store: Store) -> None:
        """Replace the room in memory with the one in the store.

        Raises:
            StoreUnavailable: the store cannot be read.
            RoomUnreadable: an item of the room is not a user or a game.
        """
        snapshot = await store.load(self.name)
        self._news.clear()
        room = to_room(self.name, snapshot)
        room.latest_joined_at = max(room.latest_joined_at, self.room.latest_joined_at)
        self.room = room
        self.sequence = self.announced = snapshot.sequence

    def observe(self, committed: Committed) -> None:
        """Note a batch of the stream, which is an own commit or has to be applied."""
        self.announced = committed.sequence
        if self.is_ahead(committed):
            self._news.append(committed)  # by another writer, or a commit of ours still in progress

    def is_ahead(self, committed: Committed) -> bool:
        """Return whether the batch is newer than the room in memory."""
        return committed.sequence > self.sequence

    @property
    def is_behind(self) -> bool:
        """Whether the stream has delivered something newer than the room in memory."""
        return any(map(self.is_ahead, self._news))

    @property
    def is_told(self) -> bool:
        """Whether the stream has delivered everything that is in the room in memory."""
        return self.announced >= self.sequence

    def take_in(self) -> set[ConnectionId] | None:
        """Apply waiting changes; return the users touched by other writers.

        Return None if there were no changes.
        """
        news, self._news = self._news, []
        touched: set[ConnectionId] | None = None
        for committed in filter(self.is_ahead, news):
            touched = (touched or set()) | committed.touched
            if committed.whole:
                touched |= self.room.users.keys()
                self.room.clear()
            history.apply(self.room, committed.changes)
            self.sequence = committed.sequence
        return touched
