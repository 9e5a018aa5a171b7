"""Every store that there is, opened on a fresh place."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from storage import open_store
from storage.contract import Store
from tests.storage.processes import Start, end, start_process

OpenStore = Callable[[], Awaitable[Store]]

URLS: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda directory: f"sqlite:///{directory}/lobby.db",
}


@pytest.fixture(params=URLS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of a store of each kind: one more kind is one more line above."""
    return URLS[request.param](tmp_path)


@pytest.fixture
async def open_again(url: str) -> AsyncIterator[OpenStore]:
    """Open the store at the same place again; what was opened before has to be closed."""
    opened: list[Store] = []

    async def open_again() -> Store:
        opened.append(await open_store(url))
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
