"""A start with a lot to do: it is quick, and it can be stopped at any moment of it."""

import asyncio
import random
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import closing
from pathlib import Path

from storage import open_store
from tests.faults.conftest import Report, StartServer
from tests.lab.player import Player
from tests.lab.server_process import DEADLINE, ROOT

ROOMS = 2000
RECORDS = 100_000
IN_TIME = 5.0


async def a_full_house(database: Path) -> None:
    """Leave a database as a server with many rooms and a long stream would, had it been killed."""
    await (await open_store(f"sqlite:///{database}")).close()
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for room in range(ROOMS):
            connection.execute(
                "INSERT INTO users (connection_id, room, session_id, status, marker, owner)"
                " VALUES (:x, :room, :x, 'active', 'X', 'gone'),"
                " (:o, :room, :o, 'active', 'O', 'gone')",
                {"x": f"x-{room}", "o": f"o-{room}", "room": f"room-{room}"},
            )
            connection.execute(
                "INSERT INTO games (room, x_id, o_id) VALUES (?, ?, ?)",
                (f"room-{room}", f"x-{room}", f"o-{room}"),
            )
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO stream (room, event_name, item, old_image, new_image)"
            " SELECT room, 'MODIFY', 'users', new_image, new_image"
            " FROM n, (SELECT * FROM stream WHERE sequence = 1)",
            (RECORDS,),
        )
        connection.execute("COMMIT")


async def starting(database: Path, *flags: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "server",
            "--port",
            "0",
            "--store",
            f"sqlite:///{database}",
            *flags,
        ),
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
    )


async def test_start_ends_in_time_and_loses_nobody_whenever_it_is_stopped(
    start_server: StartServer, tmp_path: Path, report: Report
) -> None:
    database, chance = tmp_path / "lobby.db", random.Random(ROOMS)
    lock = database.with_name("lobby.db.lock")
    await a_full_house(database)
    slowest = 0.0
    for _ in range(6):
        lock.unlink(missing_ok=True)
        process = await starting(database, "--check-store")
        await asyncio.to_thread(wait_for, lock)
        await asyncio.sleep(chance.uniform(0, 1.5))  # the moment is the fault
        stopped = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
        slowest = max(slowest, time.monotonic() - stopped)
        assert process.returncode == 0, said
        assert b"Traceback" not in said
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (2 * ROOMS,)
    assert slowest < IN_TIME
    report(f"the slowest of 6 ended after {slowest:.1f} s")
    started = time.monotonic()
    server = start_server("--max-rooms", "10000")
    report(f"{ROOMS} rooms were open after {time.monotonic() - started:.1f} s")
    last = f"{server.ws_url}/room-{ROOMS - 1}"
    back = await Player.join(last, session=f"x-{ROOMS - 1}")
    assert (back.id, back.marker) == (f"x-{ROOMS - 1}", "X")


async def test_clean_start_does_not_read_what_it_does_not_need(
    start_server: StartServer, tmp_path: Path, report: Report
) -> None:
    database = tmp_path / "lobby.db"
    await a_full_house(database)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("DELETE FROM users")
        connection.execute("DELETE FROM games")
    server = start_server()
    read, size = bytes_read(server.process.pid), size_of(database)
    report(f"read {read / 1e6:.0f} MB at the start of {size / 1e6:.0f} MB")
    assert read < size / 2
    server.stop()


def wait_for(lock: Path) -> None:
    """Return when a server has taken the lock: before it serves, it says nothing else."""
    until = time.monotonic() + DEADLINE
    while not (lock.exists() and lock.stat().st_size):
        assert time.monotonic() < until
        time.sleep(0.01)


def bytes_read(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


def size_of(file: Path) -> int:
    return file.stat().st_size
