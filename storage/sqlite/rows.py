"""Items as rows: the columns of each table, the statements that write them, the records.

This module builds the SQL for items and converts records to the contract's values. It opens no
connection and executes nothing.
"""

import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

from storage.contract import EventName, Item, ItemChange, RoomName, Table

COLUMNS = {
    Table.USERS: (
        "connection_id", "room", "session_id", "username", "status", "marker", "joined_at",
        "seated_at", "streak", "resumable", "absent_until", "seat_until", "owner", "generation",
    ),
    Table.GAMES: (
        "room", "number", "kind", "moves", "first", "turn", "status", "x_id", "o_id", "winner",
        "moved_at", "deadline", "time_left", "x_waited", "o_waited", "reported_loser",
        "reported_by", "reported_at",
    ),
}  # fmt: skip

# The room is part of every key, so that a commit cannot change another room.
KEY = {Table.USERS: ("connection_id", "room"), Table.GAMES: ("room",)}

# The schema refuses larger values. Counters only grow, and stay at this one if an operator sets it.
LARGEST = 10**15
COUNTERS = frozenset({"streak", "generation", "number"})

# The largest integer that all JSON parsers preserve.
MOST_SEQUENCE = 2**53 - 1
# The counter includes trimmed records, but operators can edit it.
LAST_OF_ALL = """
    SELECT max(
        coalesce((SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = 'stream'), 0),
        coalesce((SELECT max(sequence) FROM stream), 0)
    )
"""

Run = tuple[str, list[tuple[Any, ...]]]
"""A statement and the parameters of each of its executions."""


def runs(changes: Sequence[ItemChange]) -> list[Run]:
    """Convert changes to statements, in order; adjacent changes of one kind share a statement.

    Changes are never merged: when X and O are swapped, only the original order satisfies the unique
    index.
    """
    return [
        (_statement(*kind), [_parameters(change) for change in group])
        for kind, group in groupby(changes, key=lambda change: (change.table, change.event_name))
    ]


@cache
def _statement(table: Table, event_name: EventName) -> str:
    columns, key = COLUMNS[table], KEY[table]
    found = " AND ".join(f"{column} = ?" for column in key)
    match event_name:
        case EventName.INSERT:
            marks = ", ".join(map(_mark, columns))
            return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        case EventName.MODIFY:
            values = ", ".join(f"{name} = {_mark(name)}" for name in columns if name not in key)
            return f"UPDATE {table} SET {values} WHERE {found}"
        case EventName.REMOVE:
            return f"DELETE FROM {table} WHERE {found}"


def _mark(column: str) -> str:
    return f"min(?, {LARGEST})" if column in COUNTERS else "?"


def _parameters(change: ItemChange) -> tuple[Any, ...]:
    columns, key = COLUMNS[change.table], KEY[change.table]
    new_image, old_image = change.new_image, change.old_image
    if new_image is None:
        assert old_image is not None, "a REMOVE has an old image"
        return tuple(old_image[column] for column in key)
    if old_image is None:
        return tuple(new_image[column] for column in columns)
    values = [new_image[column] for column in columns if column not in key]
    return (*values, *(old_image[column] for column in key))


Record = tuple[int, RoomName, str, str, str | None, str | None]
"""A row of the stream: sequence, room, event_name, item, old_image, new_image."""


def change(record: Record) -> ItemChange:
    """Convert a record of the stream to a change."""
    _, _, event_name, table, old_image, new_image = record
    return ItemChange(EventName(event_name), Table(table), _image(old_image), _image(new_image))


def _image(text: str | None) -> Item | None:
    """Parse an image. SQLite's checks accept more than JSON, such as JSON5 written by hand.

    An image that is not JSON becomes an empty item, which its reader will report.
    """
    if text is None:
        return None
    try:
        image: Item = json.loads(text)
    except ValueError:
        return {}
    return image
