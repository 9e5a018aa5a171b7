"""A room as this process knows it, and its place in the stored stream.

Own commits move it forward at once. What other hands did waits, in order, until the room's task
takes it in between two batches. It reads a store's snapshot and writes nothing.
"""

from storage.contract import RoomName, Store

from . import changes as history
from .items import Committed, to_room
from .model import ConnectionId, Room


class Replica:
    """The room in memory, as of ``sequence``; the stream has told everybody up to ``announced``."""

    def __init__(self, name: RoomName) -> None:
        self.name = name
        self.room = Room(name)
        self.sequence = 0
        self.announced = 0
        self._news: list[Committed] = []

    async def load(self, store: Store) -> None:
        """Take the room from the store, in place of what is known of it.

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
        """Note a batch of the stream: an own commit, or something to take in."""
        self.announced = committed.sequence
        if self.is_ahead(committed):
            self._news.append(committed)  # by other hands, or our own commit that is under way

    def is_ahead(self, committed: Committed) -> bool:
        """Tell whether the batch is past what the room in memory knows."""
        return committed.sequence > self.sequence

    @property
    def is_behind(self) -> bool:
        """Whether the stream has brought something that the room in memory does not know."""
        return any(map(self.is_ahead, self._news))

    @property
    def is_told(self) -> bool:
        """Whether the stream has brought everything that the room in memory knows."""
        return self.announced >= self.sequence

    def take_in(self) -> set[ConnectionId] | None:
        """Bring the room up to the stream; return the users whom other hands touched.

        None: other hands did nothing.
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
