"""The one connection that reads: rooms as they are, and the records of the stream.

It sees what is committed and nothing else, whoever committed it. Following the stream, and whose
turn it is to read, is the business of :mod:`storage.feed`.
"""

from collections.abc import Sequence
from typing import Any

import aiosqlite

from storage.contract import RoomName, Snapshot, StoreUnavailable, Table
from storage.guards import translated
from storage.rows import COLUMNS, Record, item

READ_AT_ONCE = 1000

# The counter remembers what was trimmed.
LAST_OF_ALL = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'stream'"
RECORDS = (
    "SELECT sequence, room, event_name, item, old_image, new_image FROM stream"
    f" WHERE sequence > ? ORDER BY sequence LIMIT {READ_AT_ONCE}"
)
USERS = (
    f"SELECT {', '.join(COLUMNS[Table.USERS])} FROM users"
    " WHERE room = ? ORDER BY joined_at, connection_id"
)
GAME = f"SELECT {', '.join(COLUMNS[Table.GAMES])} FROM games WHERE room = ?"
ROOMS = "SELECT room FROM users UNION SELECT room FROM games"


class Reader:
    """A connection that never writes."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        # Bytes that are no UTF-8, put there by hand, must not make a room unreadable.
        connection.text_factory = lambda text: text.decode(errors="replace")
        self._closed = False

    async def last_sequence(self) -> int:
        """Return the sequence of the last record there ever was."""
        [(sequence,)] = await self._select(LAST_OF_ALL)
        return int(sequence)

    async def snapshot(self, room: RoomName) -> Snapshot:
        """Return the room's items and the sequence they are as of. One at a time."""
        await self._select("BEGIN")
        try:
            sequence = await self.last_sequence()
            users = await self._select(USERS, (room,))
            games = await self._select(GAME, (room,))
        finally:
            await self._select("ROLLBACK")
        return Snapshot(
            [item(Table.USERS, row) for row in users],
            next((item(Table.GAMES, row) for row in games), None),
            sequence,
        )

    async def records(self, after: int) -> Sequence[Record]:
        """Return the next records of the stream, at most ``READ_AT_ONCE``."""
        return await self._select(RECORDS, (after,))

    async def data_version(self) -> int:
        """Return a number that is another one after somebody else has committed."""
        [(version,)] = await self._select("PRAGMA data_version")
        return int(version)

    async def rooms(self) -> Sequence[RoomName]:
        """Return every room that has an item."""
        return [room for (room,) in await self._select(ROOMS)]

    async def ping(self) -> None:
        """Return when a table can be read."""
        await self._select("SELECT 1 FROM users LIMIT 1")

    async def close(self) -> None:
        """Close the connection when it has answered what it was asked."""
        self._closed = True
        await self._connection.close()

    async def _select(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        with translated():
            return list(await self._connection.execute_fetchall(statement, parameters))
