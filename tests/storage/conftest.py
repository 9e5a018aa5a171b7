"""Every store that there is, opened on a fresh place."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from storage import open_store
from storage.contract import Store
from tests.storage.memory import Disk, MemoryStore
from tests.storage.processes import Start, end, start_process

OpenStore = Callable[[], Awaitable[Store]]


def sqlite(directory: Path) -> OpenStore:
    """Return how to open the SQLite store in a directory."""
    return lambda: open_store(f"sqlite:///{directory}/lobby.db")


def memory(_: Path) -> OpenStore:
    """Return how to open the store in memory, on a disk of its own."""
    disk = Disk()

    async def open_memory() -> Store:
        return MemoryStore(disk)

    return open_memory


KINDS: dict[str, Callable[[Path], OpenStore]] = {"sqlite": sqlite, "memory": memory}


@pytest.fixture(params=KINDS)
async def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Open a store of each kind at the same place again; it has to be closed before."""
    opened: list[Store] = []
    open_here = KINDS[request.param](tmp_path)

    async def open_again() -> Store:
        opened.append(await open_here())
        return opened[-1]

    yield open_again
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_again: OpenStore) -> Store:
    """A store of each kind, empty."""
    return await open_again()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The database file of the SQLite store."""
    return tmp_path / "lobby.db"


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start processes; those that still run at the end of the test are killed."""
    started: list[Process] = []

    async def start(script: str, *arguments: str, **environment: str) -> Process:
        started.append(await start_process(script, *arguments, **environment))
        return started[-1]

    yield start
    for process in started:
        await end(process)
