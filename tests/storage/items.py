"""Items and changes to store, and how to wait for them in the stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from storage.contract import Batch, EventName, Item, ItemChange, RoomName, Table

LOBBY = RoomName("lobby")
ANNEX = RoomName("annex")
DEADLINE = 10.0


def user(number: int, **values: Any) -> Item:
    """Return a user who waits in the lobby; by number, later in line."""
    return {
        "connection_id": f"c-{number:04}",
        "room": LOBBY,
        "session_id": f"s-{number:04}",
        "username": None,
        "status": "inactive",
        "marker": None,
        "joined_at": f"2026-11-22T22:44:22.{number:06}+00:00",
        "seated_at": None,
        "streak": 0,
        "resumable": 1,
        "absent_until": None,
        "seat_until": None,
        "owner": "this-process",
        "generation": 0,
        **values,
    }


def seated(number: int, marker: str, **values: Any) -> Item:
    """Return a user who plays."""
    at = "2026-11-22T22:45:00.000000+00:00"
    return user(number, status="active", marker=marker, seated_at=at, **values)


def game(**values: Any) -> Item:
    """Return a game that is being played."""
    return {
        "room": LOBBY,
        "number": 1,
        "kind": "tictactoe",
        "moves": "",
        "first": "X",
        "turn": "X",
        "status": "playing",
        "x_id": "c-0001",
        "o_id": "c-0002",
        "winner": None,
        "moved_at": "2026-11-22T22:45:00.000000+00:00",
        "deadline": None,
        "time_left": None,
        "x_waited": 0.0,
        "o_waited": 0.0,
        "reported_loser": None,
        "reported_by": None,
        "reported_at": None,
        **values,
    }


def insert(item: Item) -> ItemChange:
    return ItemChange(EventName.INSERT, _table(item), None, item)


def modify(old: Item, **values: Any) -> ItemChange:
    return ItemChange(EventName.MODIFY, _table(old), old, {**old, **values})


def remove(item: Item) -> ItemChange:
    return ItemChange(EventName.REMOVE, _table(item), item, None)


def _table(item: Item) -> Table:
    return Table.USERS if "connection_id" in item else Table.GAMES


async def next_batch(stream: AsyncIterator[Batch]) -> Batch:
    async with asyncio.timeout(DEADLINE):
        return await anext(stream)


async def next_changes(stream: AsyncIterator[Batch], count: int) -> list[ItemChange]:
    """Return the next changes of the stream, which may come in any number of batches."""
    changes: list[ItemChange] = []
    while len(changes) < count:
        changes += (await next_batch(stream)).changes
    assert len(changes) == count, changes[count:]
    return changes
