"""Prepare a database file for use: inspect, lock, migrate.

A refused file is left unchanged, to the byte, including its ``-wal`` and ``-shm``, and nothing is
created beside it. So it is first inspected by means that cannot write. This module runs in a
thread, before any task starts. It knows versions and files, and the tables by name only.
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
    """Interrupts the thread that opens a file, from another thread."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._database: sqlite3.Connection | None = None

    def set(self) -> None:
        """Interrupt the running statement.

        Repeat this until the thread has ended, because SQLite ignores it between two statements.
        """
        self._set.set()
        if (database := self._database) is not None:
            with suppress(sqlite3.ProgrammingError):  # it may have been closed
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
    """Inspect the file, lock it and migrate it to this version; return the open lock file.

    With ``check``, inspect the whole file; by default that is done only after an unclean shutdown.

    The lock is a separate file beside the database. SQLite locks the database with POSIX locks,
    which a process loses when it closes any descriptor of the file. The kernel releases our lock
    when the process ends, for whatever reason.
    """
    try:
        _check_access(path)
        lock_path = path.with_name(f"{path.name}.lock")
        lock = _acquire(lock_path) if lock_path.exists() else None
        try:
            _inspect(path, check, interrupt)
            lock = lock or _acquire(lock_path)
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


def _acquire(lock_path: Path) -> TextIO:
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


def _inspect(path: Path, check: bool, interrupt: Interrupt) -> None:
    """Refuse a file that is foreign, corrupt, or from a newer version, without changing it.

    The whole file, which may be a gigabyte, is read only after an unclean shutdown or on request. A
    clean shutdown checkpoints the write-ahead log and removes it. If the log is not empty, the last
    server was killed or the machine went down.
    """
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return
    if size < SMALLEST_PAGE:
        # SQLite treats a file of one byte as an empty database, and would overwrite it.
        raise StoreUnusable(f"{path}: not a database")
    wal, shm = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if not wal.exists() or wal.stat().st_size == 0:
        _check_database(path, path, "immutable=1", check, interrupt)
        if size < _size_in_header(path):
            raise StoreUnusable(f"{path}: corrupt: its end is missing")
    elif shm.exists():
        # The last commits of a killed server are only in the WAL. With readonly_shm SQLite reads it
        # through its own index in memory, and neither recovers nor checkpoints.
        _check_database(path, path, "readonly_shm=1", True, interrupt)
    else:
        # A WAL that was copied without its -shm can't be read in place without creating one.
        with TemporaryDirectory() as directory:
            copy = Path(directory) / path.name
            _copy(path, copy, interrupt)
            _copy(wal, copy.with_name(wal.name), interrupt)
            _check_database(path, copy, "", True, interrupt)


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


def _check_database(
    path: Path, readable: Path, options: str, whole: bool, interrupt: Interrupt
) -> None:
    with interrupt.connect(f"{readable.as_uri()}?mode=ro&{options}", uri=True) as database:
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
            # A row that violates a check makes only its room unusable; see `Engine.start`.
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
        # This affects new files only. To convert an old one, SQLite would have to rewrite it, which
        # needs as much free disk space again. In an old file, free space is reused but not
        # released.
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        [(mode,)] = database.execute("PRAGMA journal_mode = WAL")
        if mode != "wal":
            raise StoreUnusable(f"{path}: on a file system that cannot keep a write-ahead log")
        database.execute("PRAGMA synchronous = FULL")
        migrate(database)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
