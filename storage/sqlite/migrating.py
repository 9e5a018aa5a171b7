"""Schema migrations: a file of SQL per version, each run in one transaction.

A step that does not finish, for whatever reason, leaves the previous version intact. A step that
changes a table's checks rebuilds the table (see `002_image_and_bounds.sql`). No row may stop it:
rows that the new checks would refuse are repaired or removed, and recorded in the temporary table
``noted``, which becomes log lines here.
"""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

MIGRATIONS = sorted((Path(__file__).parent / "migrations").glob("[0-9]*.sql"))
VERSION = len(MIGRATIONS)


def migrate(database: sqlite3.Connection) -> None:
    """Bring the database to this version.

    Raises:
        sqlite3.Error: a step failed; the version before that step is intact.
    """
    [(version,)] = database.execute("PRAGMA user_version")
    for number in range(version + 1, VERSION + 1):
        _step(database, number)


def _step(database: sqlite3.Connection, number: int) -> None:
    # SQLite ignores this within a transaction. Without it, dropping a table would delete the rows
    # that refer to it.
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("PRAGMA temp_store = MEMORY")
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute("CREATE TEMP TABLE noted (item TEXT, room TEXT, id TEXT, what TEXT)")
        for statement in _statements(MIGRATIONS[number - 1].read_text(encoding="utf-8")):
            database.execute(statement)
        _verify(database)
        notes = _notes(database)
        database.execute("DROP TABLE temp.noted")
        database.execute(f"PRAGMA user_version = {number}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # after some errors SQLite rolls back by itself
            database.execute("ROLLBACK")
        raise
    for item, room, key, what in notes:
        extra = {"action": f"row_{what}", "room": room, "reason": f"{item}, key {key}"}
        logger.warning("row %s for version %d", what, number, extra=extra)


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements, because `executescript` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "a script ends with a complete statement"


def _verify(database: sqlite3.Connection) -> None:
    """Check the integrity of the new tables before committing them."""
    problems = database.execute("PRAGMA foreign_key_check").fetchall()
    # Don't check the stream: it can be a gigabyte, and no step has changed it yet.
    for table in ("users", "games"):
        verdicts = database.execute(f"PRAGMA integrity_check({table})").fetchall()
        problems += [verdict for verdict in verdicts if verdict != ("ok",)]
    if problems:
        raise sqlite3.IntegrityError(f"the migrated tables are not sound: {problems[0]}")


def _notes(database: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
    factory = database.text_factory
    # Repaired values may not be UTF-8.
    database.text_factory = lambda text: text.decode(errors="backslashreplace")
    try:
        return database.execute("SELECT item, room, id, what FROM temp.noted").fetchall()
    finally:
        database.text_factory = factory
