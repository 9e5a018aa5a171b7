"""The table of users and games, and the stream of its changes, behind one contract.

:func:`open_store` turns a URL into a store; everything else that callers need is in
:mod:`storage.contract`. Nothing in this package knows a rule of the game.
"""

import re
from pathlib import Path

from storage.contract import Store, StoreUnusable
from storage.sqlite.store import SQLiteStore

__all__ = ["MAX_RECORDS", "masked", "open_store"]

SQLITE = "sqlite:///"
# Of the stream; about a kilobyte each.
MAX_RECORDS = 1_000_000

# To the last @, since a password that was not quoted may have one, too.
_PASSWORD = re.compile(r"(?<=://)([^:/?#@\s]*):.*@|(?<=[?&]password=)[^&\s]*", re.IGNORECASE)


def masked(text: str) -> str:
    """Return the text with the password of each URL in it replaced, to be shown."""
    return _PASSWORD.sub(lambda found: f"{found[1]}:***@" if found[1] is not None else "***", text)


async def open_store(url: str, max_records: int = MAX_RECORDS, *, check: bool = False) -> Store:
    """Open the store at ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

    Its stream keeps what happened for a day, but no more than ``max_records`` changes. All of it is
    looked through after an unclean end, or if ``check`` says so.

    Raises:
        StoreUnusable: with one line that says why.
    """
    path = url.removeprefix(SQLITE)
    if path == url:
        raise StoreUnusable(f"{masked(url)}: no such kind of store; try sqlite:///winner-stays.db")
    if path in ("", ":memory:"):
        raise StoreUnusable(f"{masked(url)}: names no file; try sqlite:///winner-stays.db")
    return await SQLiteStore.open(Path(path), max_records, check)
