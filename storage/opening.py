"""Everything that happens to a database file before it is used: look, lock, migrate.

A file that is refused is left as it was found, to the byte, its ``-wal`` and ``-shm`` included, and
nothing is created beside it. So it is first looked at by means that cannot write. This module runs
in a thread, before the first task; it knows versions and files, and none of the tables.
"""

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from storage.contract import StoreUnusable

APPLICATION_ID = 0x57696E53
MIGRATIONS = sorted((Path(__file__).parent / "migrations").glob("[0-9]*.sql"))
VERSION = len(MIGRATIONS)
SMALLEST_PAGE = 512
BUSY_SECONDS = 1.0


def prepare(path: Path) -> TextIO:
    """Look at the file, lock it and bring it to this version; return the lock, open.

    The lock is a file of its own, beside the database: SQLite locks the database with POSIX locks,
    which a process loses by closing any descriptor of the file. The kernel frees it with the last
    of the process, whatever that died of.
    """
    try:
        _check_access(path)
        lock_path = path.with_name(f"{path.name}.lock")
        lock = _take(lock_path) if lock_path.exists() else None
        try:
            _look(path)
            lock = lock or _take(lock_path)
            _migrate(path)
        except BaseException:
            if lock:
                lock.close()
            raise
    except OSError as error:
        raise StoreUnusable(f"{path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path}: {_one_line(error)}") from error
    return lock


def _check_access(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreUnusable(f"{path}: there is no directory {path.parent}")
    if path.exists() and not path.is_file():
        raise StoreUnusable(f"{path}: not a file")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnusable(f"{path}: not readable and writable by this user")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreUnusable(f"{path}: the directory is not writable by this user")


def _take(lock_path: Path) -> TextIO:
    lock = lock_path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.readline().strip() or "unknown"
        lock.close()
        path = lock_path.with_suffix("")
        raise StoreUnusable(f"{path}: in use by another server (process {owner})") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _look(path: Path) -> None:
    """Refuse what is not ours, not sound, or from a newer version, without touching it."""
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return
    if size < SMALLEST_PAGE:
        # SQLite takes a file of one byte for an empty database, and would overwrite it.
        raise StoreUnusable(f"{path}: not a database")
    wal, shm = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if not wal.exists() or wal.stat().st_size == 0:
        _inspect(path, path, "immutable=1")
    elif shm.exists():
        # What a killed server committed last is in the WAL only. With readonly_shm SQLite reads it
        # through an index of its own in memory, and neither recovers nor checkpoints.
        _inspect(path, path, "readonly_shm=1")
    else:
        # A WAL that was copied without its -shm can't be read in place without creating one.
        with TemporaryDirectory() as directory:
            copy = Path(directory) / path.name
            shutil.copyfile(path, copy)
            shutil.copyfile(wal, copy.with_name(wal.name))
            _inspect(path, copy, "")


def _inspect(path: Path, readable: Path, how: str) -> None:
    uri = f"{readable.as_uri()}?mode=ro&{how}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as database:
        try:
            [(application_id,)] = database.execute("PRAGMA application_id")
            [(version,)] = database.execute("PRAGMA user_version")
            [(tables,)] = database.execute("SELECT count(*) FROM sqlite_schema")
            if application_id != APPLICATION_ID and (application_id or version or tables):
                raise StoreUnusable(f"{path}: a database of some other program")
            if version > VERSION:
                raise StoreUnusable(
                    f"{path}: from a newer version (its schema is {version}, this server knows"
                    f" {VERSION}); upgrade the server"
                )
            [(verdict,), *_] = database.execute("PRAGMA quick_check(1)")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(f"{path}: corrupt: {_one_line(error)}") from error
    if verdict != "ok":
        raise StoreUnusable(f"{path}: corrupt: {_one_line(verdict)}")


def _migrate(path: Path) -> None:
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    with closing(database):
        [(mode,)] = database.execute("PRAGMA journal_mode = WAL")
        if mode != "wal":
            raise StoreUnusable(f"{path}: on a file system that cannot keep a write-ahead log")
        database.execute("PRAGMA synchronous = FULL")
        [(version,)] = database.execute("PRAGMA user_version")
        for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
            script = step.read_text(encoding="utf-8")
            database.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            )


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
