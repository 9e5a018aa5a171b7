"""What operators do with the sqlite3 shell while the server runs, and what they cannot do."""

import asyncio
import contextlib
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage import open_store
from storage.contract import (
    Batch,
    Conflict,
    Item,
    ItemChange,
    Store,
    StoreUnavailable,
    Table,
)
from storage.sqlite import feed
from storage.sqlite.migrating import migrate
from storage.sqlite.rows import COLUMNS
from tests.storage.items import (
    ANNEX,
    DEADLINE,
    LOBBY,
    game,
    insert,
    modify,
    next_batch,
    next_changes,
    remove,
    seated,
    user,
)

Shell = Callable[..., None]


@pytest.fixture
async def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.01)
    store = await open_store(f"sqlite:///{path}")
    yield store
    await store.close()


@pytest.fixture
def shell(store: Store, path: Path) -> Iterator[Shell]:
    """Somebody else's connection; it is also told what the shell defaults to."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:

        def run(statement: str, **values: Any) -> None:
            database.execute(statement, values)

        yield run


@pytest.fixture
async def stream(store: Store) -> AsyncIterator[Batch]:
    """The stream of a lobby with X, O, one who waits, and a game; its opening is over."""
    items = [seated(1, "X"), seated(2, "O"), user(3), game()]
    await store.commit(LOBBY, 0, [insert(item) for item in items])
    await store.load(LOBBY)
    await store.load(ANNEX)
    stream = store.stream()
    await next_changes(stream, len(items))
    return stream


INSERT_USER = f"INTO users VALUES ({', '.join(f':{column}' for column in COLUMNS[Table.USERS])})"


marks = itertools.count(9000)


async def told(stream: AsyncIterator[Batch], shell: Shell) -> list[ItemChange]:
    """Return all that was told up to now: whatever comes before a mark."""
    mark = user(next(marks), room=ANNEX)
    shell(f"INSERT {INSERT_USER}", **mark)
    changes: list[ItemChange] = []
    while insert(mark) not in changes:
        changes += (await next_batch(stream)).changes
    changes.remove(insert(mark))
    return changes


async def test_insert_of_few_columns_gets_sensible_values(
    stream: AsyncIterator[Batch], shell: Shell
) -> None:
    shell("INSERT INTO users (connection_id, room) VALUES ('by-hand', 'lobby')")
    [change] = await told(stream, shell)
    assert change.new_image is not None
    row = dict(change.new_image)
    assert len(str(row.pop("session_id"))) == 32
    assert str(row.pop("joined_at")).endswith("000+00:00")
    expected: dict[str, Any] = dict(user(0, connection_id="by-hand", owner=""))
    del expected["session_id"], expected["joined_at"]
    assert row == expected


async def test_delete_is_told(stream: AsyncIterator[Batch], shell: Shell) -> None:
    shell("DELETE FROM users WHERE connection_id = 'c-0001'")
    shell("DELETE FROM games")
    assert await told(stream, shell) == [remove(seated(1, "X")), remove(game())]


async def test_truncation_is_told_row_by_row(stream: AsyncIterator[Batch], shell: Shell) -> None:
    shell("DELETE FROM users")
    assert await told(stream, shell) == [
        remove(seated(1, "X")),
        remove(seated(2, "O")),
        remove(user(3)),
    ]


async def test_update_is_told(stream: AsyncIterator[Batch], shell: Shell) -> None:
    shell("UPDATE users SET username = 'Ada' WHERE connection_id = 'c-0003'")
    shell("UPDATE games SET moves = '0', turn = 'O'")
    assert await told(stream, shell) == [
        modify(user(3), username="Ada"),
        modify(game(), moves="0", turn="O"),
    ]


async def test_rolled_back_change_is_not_told(stream: AsyncIterator[Batch], shell: Shell) -> None:
    shell("BEGIN")
    shell("DELETE FROM users")
    shell("ROLLBACK")
    assert await told(stream, shell) == []


async def test_move_to_another_room_removes_here_and_inserts_there(
    stream: AsyncIterator[Batch], shell: Shell
) -> None:
    shell("UPDATE users SET room = 'annex' WHERE connection_id = 'c-0001'")
    shell("UPDATE games SET room = 'annex'")
    assert await told(stream, shell) == [
        remove(seated(1, "X")),
        insert(seated(1, "X", room=ANNEX)),
        remove(game()),
        insert(game(room=ANNEX)),
    ]


async def test_new_key_is_a_new_item(stream: AsyncIterator[Batch], shell: Shell) -> None:
    shell("UPDATE users SET connection_id = 'c-0004' WHERE connection_id = 'c-0003'")
    renamed = user(3, connection_id="c-0004")
    assert await told(stream, shell) == [remove(user(3)), insert(renamed)]


@pytest.mark.parametrize("recursive_triggers", ["OFF", "ON"])
async def test_replaced_rows_are_told_as_removed_once(
    stream: AsyncIterator[Batch], shell: Shell, recursive_triggers: str
) -> None:
    shell(f"PRAGMA recursive_triggers = {recursive_triggers}")
    newcomer = seated(3, "X", username="pushed in")
    # By its key it displaces the one who waits, by its marker the one who is seated.
    shell(f"INSERT OR REPLACE {INSERT_USER}", **newcomer)
    assert sorted(await told(stream, shell), key=str) == sorted(
        [remove(user(3)), remove(seated(1, "X")), insert(newcomer)], key=str
    )


@pytest.mark.parametrize("recursive_triggers", ["OFF", "ON"])
async def test_rows_displaced_by_an_update_are_told_as_removed_once(
    stream: AsyncIterator[Batch], shell: Shell, recursive_triggers: str
) -> None:
    shell(f"PRAGMA recursive_triggers = {recursive_triggers}")
    shell("UPDATE OR REPLACE users SET marker = 'X' WHERE connection_id = 'c-0002'")
    shell("UPDATE OR REPLACE users SET connection_id = 'c-0003' WHERE connection_id = 'c-0002'")
    now_x = seated(2, "X")
    assert await told(stream, shell) == [
        remove(seated(1, "X")),
        modify(seated(2, "O"), marker="X"),
        remove(user(3)),
        remove(now_x),
        insert({**now_x, "connection_id": "c-0003"}),
    ]


async def test_replaced_game_is_told_as_removed(
    store: Store, stream: AsyncIterator[Batch], shell: Shell
) -> None:
    shell(
        "REPLACE INTO games (room, x_id, o_id, moved_at)"
        " SELECT room, o_id, x_id, moved_at FROM games"
    )
    swapped = game(x_id="c-0002", o_id="c-0001")
    assert await told(stream, shell) == [remove(game()), insert(swapped)]
    shell(
        "INSERT INTO games (room, x_id, o_id, moved_at) VALUES ('annex', 'a', 'b', :at)",
        at=game()["moved_at"],
    )
    shell("UPDATE OR REPLACE games SET room = 'annex' WHERE room = 'lobby'")
    elsewhere = game(room=ANNEX, x_id="a", o_id="b")
    assert await told(stream, shell) == [
        insert(elsewhere),
        remove(elsewhere),
        remove(swapped),
        insert({**swapped, "room": ANNEX}),
    ]


async def test_ignored_and_upserted_rows_displace_nobody(
    stream: AsyncIterator[Batch], shell: Shell
) -> None:
    """BEFORE INSERT triggers fire for these too."""
    shell(f"INSERT OR IGNORE {INSERT_USER}", **seated(3, "X"))
    shell("UPDATE OR IGNORE users SET marker = 'X' WHERE connection_id = 'c-0002'")
    shell(
        f"INSERT {INSERT_USER} ON CONFLICT (connection_id) DO UPDATE SET username = 'Ada'",
        **user(3),
    )
    shell(
        "INSERT INTO users (connection_id, room, joined_at) VALUES ('c-0004', 'annex', :at)",
        at=user(4)["joined_at"],
    )
    first, second = await told(stream, shell)
    assert first == modify(user(3), username="Ada")
    assert (second.event_name, second.old_image) == ("INSERT", None)


async def test_second_marker_is_refused_and_displaces_nobody(
    stream: AsyncIterator[Batch], shell: Shell
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        shell(f"INSERT {INSERT_USER}", **seated(4, "X"))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        shell("UPDATE users SET marker = 'X' WHERE connection_id = 'c-0002'")
    assert await told(stream, shell) == []


async def test_change_by_hand_conflicts_with_what_was_computed_before(
    store: Store, shell: Shell
) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    shell("DELETE FROM users")
    with pytest.raises(Conflict):
        await store.commit(LOBBY, sequence, [modify(user(1), username="Ada")])
    assert list((await store.load(LOBBY)).users) == []


async def test_snapshot_is_what_the_stream_amounts_to(
    store: Store, stream: AsyncIterator[Batch], shell: Shell
) -> None:
    shell(
        "INSERT OR REPLACE INTO users SELECT 'c-0009', room, session_id, 'Eve', status, marker,"
        " joined_at, seated_at, 5, resumable, NULL, NULL, 'x', 2 FROM users"
    )
    shell("UPDATE users SET streak = streak + 1, owner = 'hand'")
    shell("UPDATE OR REPLACE users SET room = 'lobby', marker = 'O', status = 'active'")
    items: dict[object, Item] = {
        item["connection_id"]: item for item in (seated(1, "X"), seated(2, "O"), user(3))
    }
    for change in await told(stream, shell):
        image = change.new_image or change.old_image
        assert image is not None
        if change.new_image is None:
            del items[image["connection_id"]]
        else:
            items[image["connection_id"]] = image
    snapshot = await store.load(LOBBY)
    assert {user["connection_id"]: user for user in snapshot.users} == items


@pytest.fixture
def tables() -> Iterator[sqlite3.Connection]:
    """The tables alone, in memory, with a user who plays and a game."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        migrate(database)
        database.execute(f"INSERT {INSERT_USER}", dict(seated(1, "X")))
        database.execute("INSERT INTO games (room, x_id, o_id) VALUES ('lobby', 'a', 'b')")
        yield database


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-22 22:44:22.123456+00:00",
        "2026-11-22T22:44:22+00:00",
        "2026-11-22T22:44:22.123+00:00",
        "2026-11-22T22:44:22.123456Z",
        "2026-11-22T22:44:22.123456+01:00",
        "2026-11-22T22:44:22.123456+00:00 ",
        "2026-02-30T22:44:22.123456+00:00",
        "2026-11-22T24:00:00.000000+00:00",
        "2026-11-22T22:60:00.000000+00:00",
        "0000-11-22T22:44:22.123456+00:00",
        "2026-11-22T22:44:22.123456+00:00\0",
        "tomorrow",
        "now",
        "",
    ],
)
@pytest.mark.parametrize("column", ["joined_at", "absent_until"])
def test_malformed_time_is_refused(tables: sqlite3.Connection, column: str, at: str) -> None:
    with pytest.raises(sqlite3.DatabaseError, match=r"constraint|non-deterministic"):
        tables.execute(f"UPDATE users SET {column} = ?", (at,))


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-22T22:44:59.999999+00:00",
        "2028-02-29T00:00:00.000000+00:00",
        "9999-12-31T23:59:59.999999+00:00",
        "0001-01-01T00:00:00.000000+00:00",
    ],
)
def test_well_formed_time_is_accepted(tables: sqlite3.Connection, at: str) -> None:
    tables.execute("UPDATE users SET joined_at = :at, seat_until = :at", {"at": at})


@pytest.mark.parametrize(
    "assignment",
    [
        "status = 'winner'",
        "marker = 'Z'",
        "marker = NULL",
        "status = 'inactive'",
        "streak = -1",
        "streak = 'many'",
        "resumable = 2",
        "resumable = NULL",
        "generation = -1",
        "room = NULL",
        "connection_id = NULL",
        "owner = NULL",
        "streak = 1000000000000001",
        "generation = 1000000000000001",
        "connection_id = CAST(x'ff41' AS TEXT)",
        "connection_id = 'a' || char(0) || 'b'",
        "connection_id = 'Zo' || char(235)",
        "connection_id = ''",
        "connection_id = printf('%129s', 'a')",
        "room = CAST(x'ff41' AS TEXT)",
        "room = 'two words'",
        "session_id = CAST(x'ff41' AS TEXT)",
        "username = printf('%801s', 'a')",
        "owner = printf('%801s', 'a')",
    ],
)
def test_malformed_user_is_refused(tables: sqlite3.Connection, assignment: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        tables.execute(f"UPDATE users SET {assignment}")


@pytest.mark.parametrize(
    "assignment",
    [
        "kind = ''",
        "kind = 'Tic Tac Toe'",
        "moves = '0;4'",
        "moves = NULL",
        "first = 'Z'",
        "turn = 'Z'",
        "status = 'over'",
        "winner = 'Z'",
        "number = 0",
        "number = 1000000000000001",
        "room = CAST(x'ff41' AS TEXT)",
        "x_id = CAST(x'ff41' AS TEXT)",
        "o_id = ''",
        "x_waited = -1",
        "x_waited = 1e9",
        "o_waited = NULL",
        "time_left = 9e999",
        "moved_at = NULL",
        "deadline = 'soon'",
        "reported_at = moved_at",
    ],
)
def test_malformed_game_is_refused(tables: sqlite3.Connection, assignment: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        tables.execute(f"UPDATE games SET {assignment}")


async def test_text_that_is_no_utf8_leaves_the_room_readable(
    store: Store, stream: AsyncIterator[Batch], shell: Shell
) -> None:
    shell("UPDATE users SET username = CAST(x'41ff42' AS TEXT) WHERE connection_id = 'c-0003'")
    assert await told(stream, shell) == [modify(user(3), username="A\N{REPLACEMENT CHARACTER}B")]
    assert (await store.load(LOBBY)).users[2]["username"] == "A\N{REPLACEMENT CHARACTER}B"


async def test_counter_at_its_bound_stays_there(
    store: Store, stream: AsyncIterator[Batch], shell: Shell
) -> None:
    most = 10**15
    shell("UPDATE users SET generation = :most WHERE connection_id = 'c-0003'", most=most)
    [change] = await told(stream, shell)
    assert change.new_image is not None
    sequence = (await store.load(LOBBY)).sequence
    await store.commit(LOBBY, sequence, [modify(change.new_image, generation=most + 1)])
    assert (await store.load(LOBBY)).users[2]["generation"] == most


TAMPERING = {
    "counter deleted": "DELETE FROM sqlite_sequence",
    "counter set back": "UPDATE sqlite_sequence SET seq = 0",
    "counter is a word": "UPDATE sqlite_sequence SET seq = 'many'",
    "counter at its end": "UPDATE sqlite_sequence SET seq = 9223372036854775807",
    "stream deleted": "DELETE FROM stream",
    "stream and counter deleted": "DELETE FROM stream; DELETE FROM sqlite_sequence",
    "a record of the far future": "INSERT INTO stream (sequence, room, event_name, item, old_image)"
    " VALUES (9223372036854775807, 'lobby', 'REMOVE', 'users', '{}')",
}


@pytest.mark.parametrize("tampering", TAMPERING.values(), ids=TAMPERING.keys())
@pytest.mark.parametrize("first", ["operator", "server"])
async def test_change_is_told_whatever_was_done_to_the_stream(
    store: Store, path: Path, tampering: str, first: str
) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1)), insert(user(2))])
    sequence = (await store.load(LOBBY)).sequence
    stream = store.stream()
    users = {str(i["connection_id"]): i for i in (user(1), user(2))}
    await next_changes(stream, 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(f"BEGIN; {tampering}; COMMIT")
        deleted = False
        # While the counter is at its end, SQLite refuses the operator's change.
        with contextlib.suppress(sqlite3.OperationalError):
            if first == "operator":
                database.execute("DELETE FROM users WHERE connection_id = 'c-0001'")
                deleted = True
    reading = asyncio.create_task(_read_until(stream, users, lambda: "c-0003" in users))
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                sequence = await store.commit(LOBBY, sequence, [insert(user(3))])
                break
            except (Conflict, StoreUnavailable):
                sequence = (await store.load(LOBBY)).sequence
        await reading
    assert users["c-0003"] == user(3)
    assert ("c-0001" in users) is not deleted
    sequence = await store.commit(LOBBY, sequence, [modify(user(3), streak=1)])
    async with asyncio.timeout(DEADLINE):
        await _read_until(stream, users, lambda: users["c-0003"]["streak"] == 1)
    snapshot = await store.load(LOBBY)
    assert {str(i["connection_id"]): i for i in snapshot.users} == users


async def _read_until(
    stream: AsyncIterator[Batch], users: dict[str, Item], done: Callable[[], bool]
) -> None:
    """Keep the users as a reader of the stream alone knows them."""
    last = 0
    while not done():
        batch = await anext(stream)
        assert batch.sequence >= last
        last = batch.sequence
        if batch.whole:
            users.clear()
        for change in batch.changes:
            if change.new_image is not None:
                users[str(change.new_image["connection_id"])] = change.new_image
            elif change.old_image:
                users.pop(str(change.old_image["connection_id"]), None)


async def test_tables_have_the_columns_that_operators_know(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        for table, columns in COLUMNS.items():
            described = database.execute(f"PRAGMA table_xinfo({table})").fetchall()
            assert tuple(name for _, name, *_ in described) == (*columns, "image")
        [(unique, *_)] = [
            (unique, name)
            for _, name, unique, *_ in database.execute("PRAGMA index_list(users)")
            if name == "status_index"
        ]
        assert not unique
        named = [name for _, _, name in database.execute("PRAGMA index_info(status_index)")]
        assert named == ["room", "status", "joined_at"]


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 shell here")
async def test_the_shell_itself_may_write(stream: AsyncIterator[Batch], path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "sqlite3", path, "DELETE FROM users WHERE connection_id = 'c-0003'"
    )
    assert await process.wait() == 0
    assert await next_changes(stream, 1) == [remove(user(3))]
