"""Everything that happens to a database file before it is used: look, lock, migrate.

A file that is refused is left as it was found, to the byte, its ``-wal`` and ``-shm`` included, and
nothing is created beside it. So it is first looked at by means that cannot write. This module runs
in a thread, before the first task; it knows versions and files, and the tables by name alone.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from storage.contract import StoreUnusable
from storage.sqlite.migrating import VERSION, migrate

APPLICATION_ID = 0x57696E53
SMALLEST_PAGE = 512
BUSY_SECONDS = 1.0
COPIED_AT_ONCE = 1024 * 1024


class Interrupt:
    """Ends what the thread that opens a file is doing, from another thread."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._database: sqlite3.Connection | None = None

    def set(self) -> None:
        """End what runs now. Repeat it until the thread has ended: between two statements SQLite
        does not notice."""
        self._set.set()
        if (database := self._database) is not None:
            with suppress(sqlite3.ProgrammingError):  # it is closed by now
                database.interrupt()

    def check(self) -> None:
        """Raise if it is set."""
        if self._set.is_set():
            raise StoreUnusable("opening the store was interrupted")

    @contextmanager
    def connect(self, database: str | Path, **options: Any) -> Iterator[sqlite3.Connection]:
        """Open a connection that can be interrupted, and close it."""
        with closing(
            sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None, **options)
        ) as self._database:
            self.check()
            yield self._database
            self.check()


def prepare(path: Path, check: bool, interrupt: Interrupt) -> TextIO:
    """Look at the file, lock it and bring it to this version; return the lock, open.

    ``check`` has the whole file looked at, not only after an unclean end.

    The lock is a file of its own, beside the database: SQLite locks the database with POSIX locks,
    which a process loses by closing any descriptor of the file. The kernel frees it with the last
    of the process, whatever that died of.
    """
    try:
        _check_access(path)
        lock_path = path.with_name(f"{path.name}.lock")
        lock = _take(lock_path) if lock_path.exists() else None
        try:
            _look(path, check, interrupt)
            lock = lock or _take(lock_path)
            _migrate(path, interrupt)
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


def _look(path: Path, check: bool, interrupt: Interrupt) -> None:
    """Refuse what is not ours, not sound, or from a newer version, without touching it.

    The whole file is read only after an unclean end, or if asked for: it may be a gigabyte. A
    server that ends cleanly folds its write-ahead log into the file and removes it, so a log with
    something in it says that the last one was killed, or that the machine went down.
    """
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return
    if size < SMALLEST_PAGE:
        # SQLite takes a file of one byte for an empty database, and would overwrite it.
        raise StoreUnusable(f"{path}: not a database")
    wal, shm = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if not wal.exists() or wal.stat().st_size == 0:
        _inspect(path, path, "immutable=1", check, interrupt)
        if size < _size_in_header(path):
            raise StoreUnusable(f"{path}: corrupt: its end is missing")
    elif shm.exists():
        # What a killed server committed last is in the WAL only. With readonly_shm SQLite reads it
        # through an index of its own in memory, and neither recovers nor checkpoints.
        _inspect(path, path, "readonly_shm=1", True, interrupt)
    else:
        # A WAL that was copied without its -shm can't be read in place without creating one.
        with TemporaryDirectory() as directory:
            copy = Path(directory) / path.name
            _copy(path, copy, interrupt)
            _copy(wal, copy.with_name(wal.name), interrupt)
            _inspect(path, copy, "", True, interrupt)


def _size_in_header(path: Path) -> int:
    with path.open("rb") as file:
        header = file.read(100)
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def _copy(source: Path, target: Path, interrupt: Interrupt) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(COPIED_AT_ONCE):
            interrupt.check()
            writer.write(block)


def _inspect(path: Path, readable: Path, how: str, whole: bool, interrupt: Interrupt) -> None:
    with interrupt.connect(f"{readable.as_uri()}?mode=ro&{how}", uri=True) as database:
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
            # A row that breaks a check costs its room, not all of them; see `Engine.start`.
            database.execute("PRAGMA ignore_check_constraints = ON")
            checks = ("(1)",) if whole or not tables else ("(users)", "(games)")
            verdicts = [database.execute(f"PRAGMA quick_check{it}").fetchone() for it in checks]
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(f"{path}: corrupt: {_one_line(error)}") from error
    for [verdict] in verdicts:
        if verdict != "ok":
            raise StoreUnusable(f"{path}: corrupt: {_one_line(verdict)}")


def _migrate(path: Path, interrupt: Interrupt) -> None:
    with interrupt.connect(path) as database:
        # For a new file only: to convert an old one, SQLite would have to write all of it anew,
        # with as much free disk beside it. There, space is used again, and not given back.
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        [(mode,)] = database.execute("PRAGMA journal_mode = WAL")
        if mode != "wal":
            raise StoreUnusable(f"{path}: on a file system that cannot keep a write-ahead log")
        database.execute("PRAGMA synchronous = FULL")
        migrate(database)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
