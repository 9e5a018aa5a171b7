"""The contract of a store: items in, an ordered stream of committed changes out.

A store knows users and games only as items, flat mappings from column to value, and knows no rules.
Nothing above this module may assume that its process is the only writer: every change, from this
process or another, comes back through :meth:`Store.stream`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

Item = Mapping[str, str | int | float | None]
"""The values of all columns. Floats keep fifteen digits."""

RoomName = NewType("RoomName", str)


class EventName(StrEnum):
    """The kinds of change, as named by DynamoDB Streams."""

    INSERT = "INSERT"
    MODIFY = "MODIFY"
    REMOVE = "REMOVE"


class Table(StrEnum):
    """The kinds of item."""

    USERS = "users"
    GAMES = "games"


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item before and after; an INSERT has no old image, a REMOVE no new one."""

    event_name: EventName
    table: Table
    old_image: Item | None
    new_image: Item | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Committed changes of one room, from one commit or several, in order.

    ``sequence`` is that of the last change; it grows from batch to batch within a room. A ``whole``
    batch INSERTs every item of the room and replaces everything sent about it before.
    """

    room: RoomName
    sequence: int
    changes: tuple[ItemChange, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All items of a room as of ``sequence``."""

    users: Sequence[Item]
    game: Item | None
    sequence: int


class StoreError(Exception):
    """Base of all errors of a store."""


class Conflict(StoreError):
    """The room's stream has moved past the expected sequence; nothing was stored."""


class StoreUnavailable(StoreError):
    """The store cannot be read or written now; nothing was stored, and a retry may succeed."""


class RoomUnreadable(StoreError):
    """A row of the room cannot be read; the room cannot be used until the row is repaired."""


class StoreUnusable(StoreError):
    """The store cannot be opened: corrupt, from a newer version, or in use by another server."""


class Store(Protocol):
    """A table of users and games, and the stream of its changes.

    Once :meth:`commit` has returned, its changes survive the death of the process. The stream of a
    room is complete and in order; a batch has the changes of one room only.
    """

    async def load(self, room: RoomName) -> Snapshot:
        """Return the room's items, and follow the room until :meth:`forget`.

        Its stream begins with one whole batch that INSERTs exactly these items (none for an empty
        room that was not followed before), so that the stream alone is enough to rebuild the room.
        Every later change follows it. Loading a room again restarts its stream. If records were
        lost unread, for example because an operator deleted them, the store sends another whole
        batch.

        Raises:
            RoomUnreadable: one of the items cannot be read; the message names it.
            StoreUnavailable: the store cannot be read.
        """

    async def commit(
        self, room: RoomName, expected_sequence: int, changes: Sequence[ItemChange]
    ) -> int:
        """Store all changes, in order, or none; return the sequence of the last.

        Raises:
            Conflict: the stored stream of the room has moved past ``expected_sequence``.
            StoreUnavailable: the store cannot be written.
        """

    def stream(self) -> AsyncIterator[Batch]:
        """Yield the committed batches of the followed rooms, from this writer and all others.

        Own commits arrive at once, those of other writers within a second. Only one reader may
        exist at a time.
        """

    async def forget(self, room: RoomName) -> None:
        """Stop following the room."""

    async def rooms(self) -> Sequence[RoomName]:
        """Return every room that has an item.

        Raises:
            StoreUnavailable: the store cannot be read.
        """

    async def ping(self) -> None:
        """Check that the store can be read.

        Raises:
            StoreUnavailable: it cannot.
        """

    async def probe(self) -> None:
        """Check that the store can be written, without storing anything.

        Raises:
            StoreUnavailable: it cannot.
        """

    async def close(self) -> None:
        """Release the store; the stream ends."""
