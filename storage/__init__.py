"""The table of users and games, and the stream of its changes, behind one contract.

:func:`open_store` turns a URL into a store; everything else that callers need is in
:mod:`storage.contract`. Nothing in this package knows a rule of the game.
"""

from pathlib import Path

from storage.contract import Store, StoreUnusable
from storage.sqlite import SQLiteStore

__all__ = ["MAX_RECORDS", "open_store"]

SQLITE = "sqlite:///"
# Of the stream; about a kilobyte each.
MAX_RECORDS = 1_000_000


async def open_store(url: str, max_records: int = MAX_RECORDS) -> Store:
    """Open the store at ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

    Its stream keeps what happened for a day, but no more than ``max_records`` changes.

    Raises:
        StoreUnusable: with one line that says why.
    """
    path = url.removeprefix(SQLITE)
    if path == url:
        raise StoreUnusable(f"{url}: no such kind of store; try sqlite:///winner-stays.db")
    if path in ("", ":memory:"):
        raise StoreUnusable(f"{url}: names no file; try sqlite:///winner-stays.db")
    return await SQLiteStore.open(Path(path), max_records)
