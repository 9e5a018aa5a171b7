"""SQLite under stress: other writers, locks, full disks, failing syncs, kills, and the trim."""

import asyncio
import contextlib
import logging
import random
import shutil
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import open_store
from storage.contract import Conflict, RoomName, Store, StoreUnavailable
from storage.sqlite import feed
from storage.sqlite.guards import SameFile
from storage.sqlite.writer import TRIM_AT_ONCE, Writer
from tests.storage.items import (
    ANNEX,
    DEADLINE,
    LOBBY,
    insert,
    modify,
    next_batch,
    next_changes,
    remove,
    user,
)
from tests.storage.processes import COMMIT, STARVE, UNSYNCED, Start, end, line


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await open_store(f"sqlite:///{path}")
    yield store
    await store.close()


@pytest.fixture
def other(store: Store, path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else's connection to the same file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        yield database


async def test_own_commit_is_told_without_waiting_for_a_poll(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.load(LOBBY)
    monkeypatch.setattr(feed, "POLL_SECONDS", 3600.0)
    stream = store.stream()
    sequence = 0
    for number in range(5):
        waiting = asyncio.create_task(next_batch(stream))
        await asyncio.sleep(0)
        sequence = await store.commit(LOBBY, sequence, [insert(user(number))])
        assert list((await waiting).changes) == [insert(user(number))]


async def test_change_by_other_hands_is_told_within_a_second(
    store: Store, other: sqlite3.Connection
) -> None:
    await store.commit(LOBBY, 0, [insert(user(1))])
    await store.load(LOBBY)
    stream = store.stream()
    await next_changes(stream, 1)
    waiting = asyncio.create_task(next_changes(stream, 1))
    other.execute("DELETE FROM users")
    async with asyncio.timeout(1):
        assert await waiting == [remove(user(1))]


async def test_neighbours_of_one_room_come_in_one_batch(
    store: Store, other: sqlite3.Connection
) -> None:
    await store.commit(LOBBY, 0, [insert(user(1)), insert(user(2))])
    await store.commit(ANNEX, 0, [insert(user(3, room=ANNEX))])
    await store.load(LOBBY)
    await store.load(ANNEX)
    stream = store.stream()
    await next_changes(stream, 3)
    other.execute("BEGIN")
    for connection_id in ("c-0001", "c-0002", "c-0003", "c-0001"):
        other.execute(
            "UPDATE users SET streak = streak + 1 WHERE connection_id = ?", (connection_id,)
        )
    other.execute("COMMIT")
    batches = [await next_batch(stream) for _ in range(3)]
    assert [(batch.room, len(batch.changes)) for batch in batches] == [
        (LOBBY, 2),
        (ANNEX, 1),
        (LOBBY, 1),
    ]
    assert batches[0].sequence < batches[1].sequence < batches[2].sequence


async def test_stream_left_in_the_middle_of_what_was_read_goes_on_there(
    store: Store, other: sqlite3.Connection
) -> None:
    await store.load(LOBBY)
    await store.load(ANNEX)
    other.execute("INSERT INTO users (connection_id, room) VALUES ('a', 'lobby'), ('b', 'annex')")
    for room in (LOBBY, ANNEX):
        stream = store.stream()
        assert isinstance(stream, AsyncGenerator)
        async with contextlib.aclosing(stream):
            assert (await next_batch(stream)).room == room


async def test_locked_database_is_unavailable_until_it_is_released(
    store: Store, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(2):
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.commit(LOBBY, 0, [insert(user(1))])
    await store.ping()
    assert list((await store.load(LOBBY)).users) == []
    other.execute("ROLLBACK")
    await store.commit(LOBBY, 0, [insert(user(1))])


async def test_commit_cancelled_while_it_waits_for_the_lock_leaves_nothing_open(
    store: Store, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    commit = asyncio.create_task(store.commit(LOBBY, 0, [insert(user(1))]))
    await asyncio.sleep(0)
    commit.cancel()
    other.execute("ROLLBACK")
    await asyncio.wait([commit])
    assert commit.cancelled()
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")


class Log(logging.Handler):
    """What is logged, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put_nowait(record.getMessage())


async def test_unreadable_stream_is_waited_out(
    store: Store, other: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await store.load(LOBBY)
    log = Log()
    feed.logger.addHandler(log)
    caplog.set_level(logging.INFO, logger=feed.logger.name)
    try:
        waiting = asyncio.create_task(next_changes(store.stream(), 1))
        other.execute("ALTER TABLE stream RENAME TO elsewhere")
        async with asyncio.timeout(DEADLINE):
            assert await log.lines.get() == "stream unreadable"
        with pytest.raises(StoreUnavailable):
            await store.commit(LOBBY, 0, [insert(user(1))])
        other.execute("ALTER TABLE elsewhere RENAME TO stream")
        await store.commit(LOBBY, 0, [insert(user(1))])
        assert await waiting == [insert(user(1))]
        assert log.lines.get_nowait() == "stream readable again"
    finally:
        feed.logger.removeHandler(log)


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("how", ["moved", "replaced"])
async def test_file_that_is_gone_is_unavailable_until_it_is_back(
    store: Store, path: Path, suffix: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    file, elsewhere = path.with_name(path.name + suffix), path.with_name("elsewhere")
    file.rename(elsewhere)
    if how == "replaced":
        shutil.copyfile(elsewhere, file)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="while it is in use"):
            await store.commit(LOBBY, sequence, [insert(user(2))])
        with pytest.raises(StoreUnavailable, match="while it is in use"):
            await store.ping()
    elsewhere.rename(file)
    await store.ping()
    await store.commit(LOBBY, sequence, [insert(user(2))])
    assert list((await store.load(LOBBY)).users) == [user(1), user(2)]
    gone = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(gone) == 1
    assert str(file) in vars(gone[0])["reason"]


async def test_full_disk_is_unavailable_until_there_is_room(path: Path, start: Start) -> None:
    process = await start(STARVE, str(path))
    assert (await line(process)).startswith("unavailable: ")
    assert await line(process) == "healed"
    assert await process.wait() == 0


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
async def test_commit_that_could_not_be_synced_does_not_come_back_after_a_kill(
    path: Path, tmp_path: Path, start: Start
) -> None:
    library, flag = tmp_path / "failing_sync.so", tmp_path / "no-sync"
    source = Path(__file__).with_name("failing_sync.c")
    compiler = await asyncio.create_subprocess_exec(
        *("cc", "-shared", "-fPIC", "-o", library, source, "-ldl")
    )
    assert await compiler.wait() == 0
    process = await start(UNSYNCED, f"sqlite:///{path}", LD_PRELOAD=str(library), NO_SYNC=str(flag))
    assert (await line(process)).startswith("unavailable: ")
    assert await process.wait() == -9
    store = await open_store(f"sqlite:///{path}")
    snapshot = await store.load(LOBBY)
    await store.close()
    assert list(snapshot.users) == [user(1)]
    assert snapshot.sequence == 1


async def test_kill_loses_no_acknowledged_commit_and_leaves_none_half_done(
    path: Path, start: Start
) -> None:
    chance = random.Random(7)
    for _ in range(4):
        process = await start(COMMIT, f"sqlite:///{path}")
        said = [await line(process) for _ in range(chance.randrange(1, 25))]
        process.kill()
        said += (await end(process)).splitlines()
        acknowledged = {room: int(count) for room, count, _ in (text.split() for text in said)}
        store = await open_store(f"sqlite:///{path}")
        for room, count in acknowledged.items():
            users = (await store.load(RoomName(room))).users
            names = [f"{room}-{number}" for number in range(len(users))]
            assert [user["connection_id"] for user in users] == names
            assert len(users) >= count, "acknowledged, and lost"
            assert len(users) % 3 == 0, "half a commit"
            assert all(user["username"] == "first" for user in users[::3])
        await store.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        [(inserts,)] = database.execute("SELECT count(*) FROM stream WHERE event_name = 'INSERT'")
        [(users_stored,)] = database.execute("SELECT count(*) FROM users")
        assert inserts == users_stored


async def test_old_records_are_trimmed_on_opening_and_nothing_misses_them(
    store: Store, other: sqlite3.Connection, path: Path
) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1)), modify(user(1), username="Ada")])
    other.execute("UPDATE stream SET created_at = '2020-01-01T00:00:00.000000+00:00'")
    await store.close()
    again = await open_store(f"sqlite:///{path}")
    async with asyncio.timeout(DEADLINE):
        while other.execute("SELECT count(*) FROM stream").fetchone() != (0,):
            await again.ping()
    snapshot = await again.load(LOBBY)
    assert snapshot.sequence == sequence
    with pytest.raises(Conflict):
        await again.commit(LOBBY, await again.commit(LOBBY, sequence, [insert(user(2))]) - 1, [])
    assert list((await again.load(LOBBY)).users) == [user(1, username="Ada"), user(2)]
    await again.close()


async def test_stream_is_kept_to_what_it_may_hold(
    store: Store, other: sqlite3.Connection, path: Path
) -> None:
    sequence = 0
    for number in range(50):
        sequence = await store.commit(LOBBY, sequence, [insert(user(number))])
    await store.close()
    again = await open_store(f"sqlite:///{path}", max_records=7)
    async with asyncio.timeout(DEADLINE):
        while left(other)[0] > 7:
            await again.ping()
    assert left(other) == (7, 44)
    snapshot = await again.load(LOBBY)
    assert (len(snapshot.users), snapshot.sequence) == (50, sequence)
    await again.close()


@pytest.fixture
async def writer(store: Store, path: Path) -> AsyncIterator[Writer]:
    """A writer, and a stream of 2500 records, all a day and an hour old."""
    await store.commit(LOBBY, 0, [insert(user(number)) for number in range(2500)])
    await store.close()
    database = sqlite3.connect(path, timeout=0.1, isolation_level=None, check_same_thread=False)
    database.execute(
        "UPDATE stream SET created_at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', '-25 hours')"
    )
    writer = Writer(database, SameFile(path), highest=2500)
    yield writer
    await writer.close()


def left(other: sqlite3.Connection) -> tuple[int, int]:
    """Return how many records are left, and the first."""
    [(count, first)] = other.execute("SELECT count(*), coalesce(min(sequence), 0) FROM stream")
    return count, first


async def test_trim_spares_what_has_not_been_passed(
    writer: Writer, other: sqlite3.Connection
) -> None:
    await writer.trim(1700, 10**9)
    assert left(other) == (800, 1701)
    await writer.trim(2500, 10**9)
    assert left(other) == (0, 0)


async def test_trim_spares_what_is_younger_than_a_day(
    writer: Writer, other: sqlite3.Connection
) -> None:
    other.execute(
        "UPDATE stream SET created_at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', '-23 hours')"
        " WHERE sequence > 1500"
    )
    await writer.trim(2500, 10**9)
    assert left(other) == (1000, 1501)


async def test_file_is_made_shorter_when_much_of_it_is_free(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sqlite.writer.MOST_FREE_PAGES", 16)
    before = size_of(path)
    await writer.trim(2500, 10**9)
    await writer.close()
    assert size_of(path) < before * 0.75
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM users").fetchone() == (2500,)


def size_of(path: Path) -> int:
    """Return how large the file is once the log is folded into it."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


@pytest.mark.parametrize("most", [1, 1499, 1500, 1501, 2500])
async def test_trim_leaves_no_more_than_so_many(
    writer: Writer, other: sqlite3.Connection, most: int
) -> None:
    other.execute("UPDATE stream SET created_at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')")
    await writer.trim(2500, most)
    assert left(other) == (most, 2501 - most)
    await writer.trim(1000, 0)
    assert left(other)[1] == max(1001, 2501 - most), "what has not been passed is spared"


async def test_trim_is_not_held_up_by_clocks_gone_wrong(
    writer: Writer, other: sqlite3.Connection
) -> None:
    other.execute(
        "UPDATE stream SET created_at = '2999-01-01T00:00:00.000000+00:00' WHERE sequence < 10"
    )
    other.execute("UPDATE stream SET created_at = 'long ago' WHERE sequence BETWEEN 10 AND 20")
    await writer.trim(2500, 10**9)
    assert left(other) == (0, 0)


async def test_commit_has_its_turn_while_the_stream_is_trimmed(
    writer: Writer, other: sqlite3.Connection
) -> None:
    trim = asyncio.create_task(writer.trim(2500, 10**9))
    await asyncio.sleep(0)
    await writer.commit(LOBBY, 2500, [remove(user(1))])
    assert left(other)[0] >= 2501 - 2 * TRIM_AT_ONCE
    await trim
    assert left(other) == (1, 2501)


async def test_trim_of_a_locked_database_is_unavailable(
    writer: Writer, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        await writer.trim(2500, 10**9)
    other.execute("ROLLBACK")
    await writer.trim(2500, 10**9)
    assert left(other) == (0, 0)
