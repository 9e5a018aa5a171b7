"""Which files are opened, which are refused, and that the refused ones are left as they were."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from storage import open_store
from storage.contract import Store, StoreUnusable
from storage.sqlite.migrating import VERSION
from storage.sqlite.opening import APPLICATION_ID
from tests.storage.items import DEADLINE, LOBBY, insert, remove, user
from tests.storage.processes import HOLD, SHELL, Start, line

PAGE = 4096
Contents = dict[str, tuple[bytes, int]]


def contents(directory: Path) -> Contents:
    """Return every file with its bytes and the time it was last written."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in directory.iterdir()
        if file.is_file()
    }


async def opened(path: Path, *, check: bool = False) -> Store:
    return await open_store(f"sqlite:///{path}", check=check)


async def refusal(path: Path, *, check: bool = False) -> str:
    """Return the one line with which the file is refused, nothing around it having changed."""
    before = contents(path.parent)
    with pytest.raises(StoreUnusable) as raised:
        await opened(path, check=check)
    assert contents(path.parent) == before
    line = str(raised.value)
    assert str(path) in line
    assert "\n" not in line
    return line


def write(path: Path, content: bytes, *, at: int = 0) -> None:
    """Write into the file, which is created if need be."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(at)
        file.write(content)


def abandon(path: Path, *statements: str) -> None:
    """Write to a database in a process that is killed, so that its WAL stays behind."""
    script = (
        "import os, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]: database.execute(statement).fetchall()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path), *statements], check=False)
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


async def a_sound_one(path: Path) -> None:
    store = await opened(path)
    await store.commit(LOBBY, 0, [insert(user(number)) for number in range(200)])
    await store.close()
    path.with_name("lobby.db.lock").unlink()


async def test_new_file_is_created_and_marked(path: Path) -> None:
    await (await opened(path)).close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_relative_url_is_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await (await open_store("sqlite:///lobby.db")).close()
    assert (tmp_path / "lobby.db").is_file()


async def test_absolute_url_may_need_quoting(tmp_path: Path) -> None:
    path = tmp_path / "a room?mode=memory#100%.db"
    for _ in range(2):
        await (await open_store(f"sqlite:///{path}")).close()
    assert path.stat().st_size > 0


async def test_empty_file_is_a_new_database(path: Path) -> None:
    write(path, b"")
    store = await opened(path)
    assert await store.rooms() == []
    await store.close()


async def test_database_without_tables_is_a_new_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")
    assert "lobby.db" in contents(path.parent)
    await (await opened(path)).close()


@pytest.mark.parametrize(
    "junk",
    [
        b"x",
        b"hello\n",
        b"no database " * 1000,
        b"\0" * 8192,
        b"SQLite format 3\0" + b"\0" * (PAGE - 16),
    ],
    ids=["one byte", "short", "text", "zeroes", "header only"],
)
async def test_file_that_is_no_database_is_refused(path: Path, junk: bytes) -> None:
    write(path, junk)
    assert "not a database" in await refusal(path)


async def test_damaged_file_is_refused(path: Path) -> None:
    await a_sound_one(path)
    write(path, b"\xff" * PAGE * 4, at=3 * PAGE)
    assert "corrupt" in await refusal(path)


async def test_truncated_file_is_refused(path: Path) -> None:
    await a_sound_one(path)
    os.truncate(path, 4 * PAGE)
    assert "corrupt" in await refusal(path)


NEEDLE = "found in the stream alone"


async def damaged_in_the_stream(path: Path) -> None:
    """Damage one page of the stream; users and games are as they were."""
    store = await opened(path)
    images = [insert(user(n, owner=f"{NEEDLE} {n}", username="x" * 50)) for n in range(500)]
    sequence = await store.commit(LOBBY, 0, images)
    await store.commit(LOBBY, sequence, [remove(user(n)) for n in range(1, 500)])
    await store.close()
    path.with_name("lobby.db.lock").unlink()
    [(content, _)] = contents(path.parent).values()
    at = content.index(f'"owner":"{NEEDLE} 250"'.encode())
    write(path, b"\xff" * 64, at=at - at % PAGE)


async def test_clean_file_is_not_read_as_a_whole_unless_asked_for(path: Path) -> None:
    await damaged_in_the_stream(path)
    assert "corrupt" in await refusal(path, check=True)
    store = await opened(path)
    assert len((await store.load(LOBBY)).users) == 1
    await store.close()


async def test_file_is_read_as_a_whole_after_an_unclean_end(path: Path) -> None:
    await damaged_in_the_stream(path)
    abandon(path, "UPDATE users SET username = 'Ada'")
    assert "corrupt" in await refusal(path)


async def test_row_that_breaks_a_check_is_not_taken_for_damage(path: Path) -> None:
    await a_sound_one(path)
    abandon(path, "PRAGMA ignore_check_constraints = ON", "UPDATE users SET streak = -1")
    store = await opened(path)
    assert len((await store.load(LOBBY)).users) == 200
    await store.close()


async def test_opening_can_be_given_up(path: Path) -> None:
    await a_sound_one(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        # What is to be migrated waits for the lock.
        database.execute("PRAGMA user_version = 1")
        database.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(opened(path))
        await asyncio.to_thread(wait_for, path.with_name("lobby.db.lock"))
        opening.cancel()
        await asyncio.wait([opening])
        assert opening.cancelled()
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    await (await opened(path)).close()


def wait_for(lock: Path) -> None:
    until = time.monotonic() + DEADLINE
    while not (lock.exists() and lock.stat().st_size):
        assert time.monotonic() < until
        time.sleep(0.001)


async def test_newer_version_is_refused(path: Path) -> None:
    await a_sound_one(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    assert "newer version" in await refusal(path)


@pytest.mark.parametrize("leftover", ["-wal and -shm", "-wal alone"])
async def test_newer_version_in_the_wal_of_a_killed_server_is_refused(
    path: Path, leftover: str
) -> None:
    await a_sound_one(path)
    abandon(path, f"PRAGMA user_version = {VERSION + 1}")
    if leftover == "-wal alone":
        path.with_name("lobby.db-shm").unlink()
    assert "newer version" in await refusal(path)


async def test_newer_version_in_use_is_refused(path: Path, start: Start) -> None:
    await a_sound_one(path)
    newer = await start(SHELL, str(path), f"PRAGMA user_version = {VERSION + 1}")
    assert await line(newer) == "done"
    assert path.with_name("lobby.db-wal").stat().st_size > 0
    assert "newer version" in await refusal(path)


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE users (id)", "PRAGMA application_id = 42", "PRAGMA user_version = 1"],
)
async def test_database_of_another_program_is_refused(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)
    assert "some other program" in await refusal(path)


async def test_database_of_another_program_with_a_wal_is_refused(path: Path) -> None:
    abandon(path, "PRAGMA journal_mode = WAL", "CREATE TABLE tunes (name)")
    assert "some other program" in await refusal(path)


async def test_our_wal_of_a_killed_server_is_taken_over(path: Path) -> None:
    await a_sound_one(path)
    abandon(path, "DELETE FROM users WHERE connection_id > 'c-0000'")
    store = await opened(path)
    assert list((await store.load(LOBBY)).users) == [user(0)]
    await store.close()


async def test_missing_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "lobby.db"
    with pytest.raises(StoreUnusable, match="there is no directory"):
        await opened(path)
    assert not path.parent.exists()


async def test_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    assert "not a file" in await refusal(tmp_path / "rooms")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["unreadable", "unwritable"])
async def test_file_without_permission_is_refused(path: Path, mode: int) -> None:
    await a_sound_one(path)
    os.chmod(path, mode)
    with pytest.raises(StoreUnusable, match="not readable and writable"):
        await opened(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_directory_without_permission_is_refused(path: Path) -> None:
    os.chmod(path.parent, 0o555)
    try:
        assert "not writable" in await refusal(path)
    finally:
        os.chmod(path.parent, 0o755)


async def test_second_store_on_the_file_is_refused(path: Path, tmp_path: Path) -> None:
    store = await opened(path)
    assert f"in use by another server (process {os.getpid()})" in await refusal(path)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with pytest.raises(StoreUnusable, match="in use"):
        await opened(link)
    await store.ping()
    await store.close()
    await (await opened(path)).close()


async def test_kill_frees_the_file(path: Path, start: Start) -> None:
    first = await start(HOLD, f"sqlite:///{path}")
    assert await line(first) == "open"
    second = await start(HOLD, f"sqlite:///{path}")
    in_use = f"{path}: in use by another server (process {first.pid})"
    assert await line(second) == in_use
    assert await refusal(path) == in_use
    first.kill()
    await first.wait()
    await (await opened(path)).close()
