"""The table of users and games, and the stream of its changes, behind one contract.

:func:`open_store` opens the store at a URL; everything else that callers need is in
:mod:`storage.contract`. Nothing in this package knows a rule of the game.
"""

import re
from pathlib import Path

from storage.contract import Store, StoreUnusable
from storage.sqlite.store import SQLiteStore

__all__ = ["MAX_RECORDS", "masked", "open_store"]

SQLITE = "sqlite:///"
# Default limit on the records of the stream, about a kilobyte each.
MAX_RECORDS = 1_000_000

# Match up to the last @, which a password that was not quoted may contain, too.
_PASSWORD = re.compile(r"(?<=://)([^:/?#@\s]*):.*@|(?<=[?&]password=)[^&\s]*", re.IGNORECASE)


def masked(text: str) -> str:
    """Return the text with the password of each URL masked."""
    return _PASSWORD.sub(lambda found: f"{found[1]}:***@" if found[1] is not None else "***", text)


async def open_store(url: str, max_records: int = MAX_RECORDS, *, check: bool = False) -> Store:
    """Open the store at ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

    Its stream keeps the records of a day, but at most ``max_records``. The whole file is checked
    after an unclean shutdown, or if ``check`` is true.

    Raises:
        StoreUnusable: with a one-line reason.
    """
    path = url.removeprefix(SQLITE)
    if path == url:
        raise StoreUnusable(f"{masked(url)}: no such kind of store; try sqlite:///winner-stays.db")
    if path in ("", ":memory:"):
        raise StoreUnusable(f"{masked(url)}: names no file; try sqlite:///winner-stays.db")
    return await SQLiteStore.open(Path(path), max_records, check)
