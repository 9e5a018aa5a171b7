"""The reading connection: snapshots of rooms, and the records of the stream.

It sees committed data only, from every writer. Each query is one statement, so its result is
consistent. :mod:`storage.sqlite.feed` follows the stream and coordinates the reads.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aiosqlite

from storage.contract import Item, RoomName, RoomUnreadable, Snapshot, StoreUnavailable
from storage.sqlite.guards import translated
from storage.sqlite.rows import LAST_OF_ALL, Record

READ_AT_ONCE = 1000

RECORDS = f"""
    SELECT ({LAST_OF_ALL}), NULL, NULL, NULL, NULL, NULL
    UNION ALL
    SELECT * FROM (
        SELECT sequence, room, event_name, item, old_image, new_image FROM stream
        WHERE sequence > ? ORDER BY sequence LIMIT {READ_AT_ONCE}
    )
"""
# The parameter is a JSON array of rooms.
SNAPSHOTS = f"""
    SELECT 0, NULL, ({LAST_OF_ALL}), NULL, NULL
    UNION ALL
    SELECT 1, room, image, joined_at, connection_id FROM users
    WHERE room IN (SELECT value FROM json_each(?1))
    UNION ALL
    SELECT 2, room, image, NULL, room FROM games
    WHERE room IN (SELECT value FROM json_each(?1))
    ORDER BY 1, 4, 5
"""
GAME = 2
ROOMS = "SELECT room FROM users UNION SELECT room FROM games"


Snapshots = Mapping[RoomName, Snapshot | RoomUnreadable]


class Reader:
    """A connection that never writes."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        # Invalid UTF-8 inserted by hand must not make a room unreadable.
        connection.text_factory = lambda text: text.decode(errors="replace")
        self._closed = False

    async def last_sequence(self) -> int:
        """Return the highest sequence ever assigned."""
        [(sequence,)] = await self._select(LAST_OF_ALL)
        return int(sequence)

    async def snapshots(self, rooms: Sequence[RoomName]) -> Snapshots:
        """Return a consistent snapshot of each room, or the reason why it cannot be read."""
        [(_, _, last, _, _), *rows] = await self._select(SNAPSHOTS, (json.dumps(rooms),))
        found: dict[RoomName, list[Any]] = {room: [] for room in rooms}
        for row in rows:
            found[row[1]].append(row)
        return {room: _snapshot(room, found[room], int(last)) for room in found}

    async def records(self, after: int) -> tuple[int, Sequence[Record]]:
        """Return the highest sequence, and the next records, at most ``READ_AT_ONCE``."""
        [(last, *_), *records] = await self._select(RECORDS, (after,))
        return int(last), records

    async def data_version(self) -> int:
        """Return a number that changes whenever another connection commits."""
        [(version,)] = await self._select("PRAGMA data_version")
        return int(version)

    async def rooms(self) -> Sequence[RoomName]:
        """Return every room that has an item."""
        return [room for (room,) in await self._select(ROOMS)]

    async def ping(self) -> None:
        """Check that a table can be read."""
        await self._select("SELECT 1 FROM users LIMIT 1")

    async def close(self) -> None:
        """Close the connection after its pending queries."""
        self._closed = True
        await self._connection.close()

    async def _select(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        with translated():
            return list(await self._connection.execute_fetchall(statement, parameters))


def _snapshot(room: RoomName, rows: Sequence[Any], last: int) -> Snapshot | RoomUnreadable:
    users, game = [], None
    for kind, _, image, _, key in rows:
        # If decoding changes a key, no commit can find its row.
        if not key.isascii():
            return RoomUnreadable(f"room {room}: the row {key!r} has a key that is not ASCII")
        try:
            item: Item = json.loads(image)
        except ValueError as error:
            return RoomUnreadable(f"room {room}: the row {key!r} is not an item: {error}")
        if kind == GAME:
            game = item
        else:
            users.append(item)
    return Snapshot(users, game, last)
