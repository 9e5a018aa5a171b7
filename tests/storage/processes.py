"""Python processes that use a store, and that can be killed or starved without harm to the tests.

Each is a script: it says lines on stdout, and ends when it is killed or its stdin is closed.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.storage.items import DEADLINE

ROOT = Path(__file__).parents[2]
Start = Callable[..., Awaitable[Process]]

# Open the store, say "open" or why not, and hold it.
HOLD = """
import asyncio, sys
from storage import open_store
from storage.contract import StoreUnusable

async def main(url):
    try:
        store = await open_store(url)
    except StoreUnusable as error:
        print(error, flush=True)
        return
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main(sys.argv[1]))
"""

# Execute statements, say "done", and hold the connection.
SHELL = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement).fetchall()
print("done", flush=True)
sys.stdin.read()
"""

# Commit in two rooms at once, for ever, three users at a time; say what is committed once it is.
COMMIT = """
import asyncio, itertools, sys
from storage import open_store
from storage.contract import RoomName
from tests.storage.items import insert, modify, user

async def fill(store, room):
    snapshot = await store.load(room)
    sequence = snapshot.sequence
    for number in itertools.count(len(snapshot.users), 3):
        three = [
            user(n, room=room, connection_id=f"{room}-{n}") for n in range(number, number + 3)
        ]
        changes = [*map(insert, three), modify(three[0], username="first")]
        sequence = await store.commit(room, sequence, changes)
        print(room, number + 3, sequence, flush=True)

async def main(url):
    store = await open_store(url)
    await asyncio.gather(*(fill(store, RoomName(room)) for room in ("lobby", "annex")))

asyncio.run(main(sys.argv[1]))
"""

# Commit until the files may not grow any more, then let them grow again.
STARVE = """
import asyncio, os, resource, sys
from storage import open_store
from storage.contract import StoreUnavailable
from tests.storage.items import LOBBY, insert, next_changes, user

async def main(path):
    store = await open_store(f"sqlite:///{path}")
    await store.load(LOBBY)
    stream, sequence, number = store.stream(), 0, 0
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path + "-wal") + 300_000, hard))
    try:
        while number < 10_000:
            twenty = [insert(user(n)) for n in range(number, number + 20)]
            sequence = await store.commit(LOBBY, sequence, twenty)
            assert await next_changes(stream, 20) == twenty
            number += 20
    except StoreUnavailable as error:
        print("unavailable:", error, flush=True)
    assert len((await store.load(LOBBY)).users) == number, "nothing half-applied"
    await next_changes(stream, number)
    for _ in range(3):
        try:
            await store.commit(LOBBY, sequence, twenty)
        except StoreUnavailable:
            pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await store.commit(LOBBY, sequence, twenty)
    assert await next_changes(stream, 20) == twenty
    assert len((await store.load(LOBBY)).users) == number + 20
    print("healed", flush=True)
    await store.close()

asyncio.run(main(sys.argv[1]))
"""

# Commit while syncs fail, say so, and be killed.
UNSYNCED = """
import asyncio, os, sys
from pathlib import Path
from storage import open_store
from storage.contract import StoreUnavailable
from tests.storage.items import LOBBY, insert, user

async def main(url):
    store = await open_store(url)
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    Path(os.environ["NO_SYNC"]).touch()
    try:
        await store.commit(LOBBY, sequence, [insert(user(2))])
    except StoreUnavailable as error:
        print("unavailable:", error, flush=True)
    assert [dict(user(1))] == (await store.load(LOBBY)).users
    os.kill(os.getpid(), 9)

asyncio.run(main(sys.argv[1]))
"""


async def start_process(script: str, *arguments: str, **environment: str) -> Process:
    """Start the script."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=PIPE,
        stdout=PIPE,
    )


async def line(process: Process) -> str:
    """Return the next line that the process says; empty if it has ended."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        return (await process.stdout.readline()).decode().strip()


async def end(process: Process) -> str:
    """Kill the process if need be, and return what it had yet to say."""
    if process.returncode is None:
        process.kill()
    rest, _ = await process.communicate()
    return rest.decode()
