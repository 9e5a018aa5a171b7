"""A file of version 1 on its way to this version: nobody is lost, whatever stops it.

`version-1.sqlite` was left by a server of that version that was killed: two play, three wait, one
of them absent, and one of the seed's; another room has a spectator.
"""

import json
import logging
import shutil
import sqlite3
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from queue_engine.games.tictactoe import position
from storage import open_store
from storage.contract import RoomName
from storage.sqlite.migrating import VERSION
from storage.sqlite.rows import COLUMNS
from tests.storage.items import LOBBY, modify, next_changes
from tests.storage.processes import Start, line

VERSION_1 = Path(__file__).with_name("version-1.sqlite")
ADDED = {"image", "x_waited", "o_waited"}
Row = dict[str, Any]


@pytest.fixture
def old(path: Path) -> Path:
    shutil.copyfile(VERSION_1, path)
    return path


def rows(path: Path, table: str) -> list[Row]:
    """Return the rows of a table, without what later versions added."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        database.text_factory = lambda text: text.decode(errors="replace")
        found = map(dict, database.execute(f"SELECT * FROM {table} ORDER BY 1"))
        return [{name: row[name] for name in row if name not in ADDED} for row in found]


def everything(path: Path) -> dict[str, list[Row]]:
    tables = {table: rows(path, table) for table in ("users", "games", "stream")}
    tables["games"] = list(map(as_moves, tables["games"]))
    return tables


def as_moves(game: Row) -> Row:
    """Return a game of version 1 as its moves; their order is not known, but X made the first."""
    if "board" not in game:
        return {name: value for name, value in game.items() if name not in ("kind", "first")}
    rest = {name: value for name, value in game.items() if name not in ("board", "line")}
    marks = [[n for n, mark in enumerate(game["board"]) if mark == each] for each in "XO"]
    moves = [cell for pair in zip_longest(*marks) for cell in pair if cell is not None]
    return {**rest, "moves": ",".join(map(str, moves))}


def pragma(path: Path, name: str) -> int | str:
    with closing(sqlite3.connect(path)) as database:
        value: int | str = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


async def test_nobody_is_lost(old: Path) -> None:
    before = everything(old)
    assert [len(before[table]) for table in ("users", "games")] == [6, 1]
    await (await open_store(f"sqlite:///{old}")).close()
    assert everything(old) == before
    assert pragma(old, "user_version") == VERSION
    assert pragma(old, "integrity_check") == "ok"


async def test_images_are_the_rows_and_the_stream_goes_on(old: Path) -> None:
    before = everything(old)
    store = await open_store(f"sqlite:///{old}")
    snapshot = await store.load(LOBBY)
    assert snapshot.sequence == before["stream"][-1]["sequence"]
    assert snapshot.game is not None
    assert (snapshot.game["moves"], snapshot.game["x_waited"]) == ("4,0", 0.0)
    stream = store.stream()
    await next_changes(stream, 6)
    change = modify(snapshot.users[0], username="Anne")
    assert await store.commit(LOBBY, snapshot.sequence, [change]) == snapshot.sequence + 1
    assert await next_changes(stream, 1) == [change]
    await store.close()
    with closing(sqlite3.connect(old)) as database:
        for table, columns in COLUMNS.items():
            named = f"SELECT {', '.join(columns)}, image FROM {table}"
            for *values, image in database.execute(named):
                assert json.loads(image) == dict(zip(columns, values, strict=True))


UNSOUND = """
    INSERT INTO users (connection_id, room, username, joined_at) VALUES
        (CAST(x'ff41' AS TEXT), 'lobby', 'Key', '2030-01-01T00:00:00.000001+00:00'),
        ('Zo' || char(235), 'lobby', 'Zoe', '2030-01-01T00:00:00.000002+00:00'),
        ('long-name', 'lobby', printf('%100000s', 'x'), '2030-01-01T00:00:00.000003+00:00'),
        ('nowhere', CAST(x'ff' AS TEXT), 'Nowhere', '2030-01-01T00:00:00.000004+00:00');
    INSERT INTO users (connection_id, room, streak, generation, session_id, owner, joined_at) VALUES
        ('numbers', 'lobby', 9223372036854775807, 9223372036854775807, CAST(x'ff' AS TEXT),
         printf('%100000s', 'x'), '2030-01-01T00:00:00.000005+00:00');
    INSERT INTO games (room, number, x_id, o_id, reported_by, reported_loser, reported_at) VALUES
        ('odd', 9223372036854775807, CAST(x'ff41' AS TEXT), '', '', '',
         '2030-01-01T00:00:00.000000+00:00'),
        (CAST(x'ff' AS TEXT), 1, 'a', 'b', NULL, NULL, NULL);
    PRAGMA ignore_check_constraints = ON;
    INSERT INTO users (connection_id, room, streak) VALUES ('broken', 'lobby', -1);
"""


async def test_rows_that_the_checks_refuse_are_mended_or_removed_and_logged(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = everything(old)
    with closing(sqlite3.connect(old, isolation_level=None)) as database:
        database.executescript(UNSOUND)
    with caplog.at_level(logging.WARNING):
        store = await open_store(f"sqlite:///{old}")
    odd = (await store.load(RoomName("odd"))).game
    users = (await store.load(LOBBY)).users
    await store.close()

    sound = [user for user in users if str(user["joined_at"]) < "2030"]
    assert sound == [u for u in sorted(before["users"], key=by_joining) if u["room"] == LOBBY]
    key, zoe, long_name, numbers = [user for user in users if user not in sound]
    assert [str(user["connection_id"]).isascii() for user in (key, zoe)] == [True, True]
    assert [user["username"] for user in (key, zoe)] == ["Key", "Zoe"]
    assert len(str(long_name["username"])) == 200
    assert (numbers["streak"], numbers["generation"]) == (10**15, 10**15)
    assert str(numbers["session_id"]).isascii()
    assert odd is not None
    assert (odd["number"], odd["reported_at"]) == (10**15, None)

    noted = sorted("{action} {reason}".format(**vars(r)) for r in caplog.records)
    assert [note.partition(",")[0] for note in noted] == [
        "row_mended games",
        *["row_mended users"] * 4,
        "row_removed games",
        *["row_removed users"] * 2,
    ]
    assert noted[-1] == "row_removed users, key nowhere"
    told = dict[str, Row]()
    for record in rows(old, "stream"):
        for image in filter(None, (record["old_image"], record["new_image"])):
            told.pop(json.loads(image).get("connection_id"), None)
        if record["item"] == "users" and record["new_image"]:
            image = json.loads(record["new_image"])
            told[image["connection_id"]] = image
    assert told == {user["connection_id"]: user for user in rows(old, "users")}


def by_joining(user: Row) -> str:
    return str(user["joined_at"])


# Open the store while no file may grow beyond so many bytes; say why that fails.
NO_SPACE = """
import asyncio, resource, sys
from storage import open_store
from storage.contract import StoreUnusable

async def main(url, bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))
    try:
        await (await open_store(url)).close()
    except StoreUnusable as error:
        print(error, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.parametrize("size", [8_000, 20_000, 40_000])
async def test_full_disk_leaves_version_1_whole(old: Path, start: Start, size: int) -> None:
    before = everything(old)
    said = await line(await start(NO_SPACE, f"sqlite:///{old}", str(size)))
    assert said.startswith(f"{old}: ")
    assert pragma(old, "user_version") == 1
    assert everything(old) == before
    await (await open_store(f"sqlite:///{old}")).close()
    assert everything(old) == before


# Migrate, and be killed before the n-th statement.
DIE = """
import os, sqlite3, sys
from pathlib import Path
from storage.sqlite.opening import Interrupt, prepare
left = int(sys.argv[2])

def count(_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)

connect = sqlite3.connect
def watched(*arguments, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(count)
    return connection

sqlite3.connect = watched
prepare(Path(sys.argv[1]), False, Interrupt())
print("lived", flush=True)
"""


async def test_kill_leaves_one_version_or_the_other(path: Path, start: Start) -> None:
    before = everything_of(VERSION_1)
    versions = []
    for point in range(1, 1000, 4):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(VERSION_1, path)
        process = await start(DIE, str(path), str(point))
        lived = await line(process)
        await process.wait()
        versions.append(int(pragma(path, "user_version")))
        assert everything(path) == before
        if lived:
            break
    assert versions == sorted(versions)
    assert set(versions) == {1, VERSION}
    assert len(versions) > 10


def everything_of(path: Path) -> dict[str, list[Row]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        database.row_factory = sqlite3.Row
        tables = {
            table: [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY 1")]
            for table in ("users", "games", "stream")
        }
        tables["games"] = list(map(as_moves, tables["games"]))
        return tables


@pytest.mark.parametrize(
    ("board", "turn", "status", "moves"),
    [
        (".........", "X", "playing", ""),
        ("XX.O.....", "O", "playing", "0,3,1"),
        ("XXXOO....", None, "won", "0,3,1,4,2"),
        ("XXX......", "O", "playing", ""),
        ("XO.......", "O", "playing", ""),
        ("OXXXOOOXX", None, "draw", "1,0,2,4,3,5,7,6,8"),
    ],
)
async def test_board_becomes_moves_that_lead_to_it(
    path: Path, board: str, turn: str | None, status: str, moves: str
) -> None:
    shutil.copyfile(VERSION_1, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        edit = "UPDATE games SET board = ?, turn = ?, status = ?"
        database.execute(edit, (board, turn, status))
    await (await open_store(f"sqlite:///{path}")).close()
    [game] = rows(path, "games")
    assert (game["moves"], game["kind"], game["first"]) == (moves, "tictactoe", "X")
    if moves:
        assert position(list(map(int, moves.split(","))), "X").board == board
