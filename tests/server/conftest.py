"""One server a module, which must not complain; and a room of its own for every test."""

import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.player import Player
from tests.server.raw import Raw
from tests.server_process import ServerProcess

_numbers = itertools.count(1)
Flags = tuple[str, ...]


@pytest.fixture(scope="module")
def flags() -> Flags:
    """The module's flags; a module that wants others overrides this."""
    return ("--messages-per-second", "10000", "--burst", "10000")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, flags: Flags) -> Iterator[ServerProcess]:
    """A server for the whole module. A traceback in its log fails the module."""
    server = ServerProcess(tmp_path_factory.mktemp("house") / "lobby.db", flags)
    yield server
    server.kill()
    assert "Traceback" not in server.log_text()
    assert [line for line in server.log_lines() if line["level"] == "error"] == []


@pytest.fixture
def room() -> str:
    """A lobby that no other test uses."""
    return f"room-{next(_numbers)}"


@pytest.fixture
async def url(house: ServerProcess, room: str) -> AsyncIterator[str]:
    """The address of the test's own lobby; who is still there at the end is sent home."""
    yield f"{house.ws_url}/{room}"
    await Player.send_home()
    await Raw.send_home()


@pytest.fixture(scope="module")
def in_room(house: ServerProcess) -> Callable[[str], int]:
    """Tell how far a room's stream has come, as it is stored."""

    def in_room(room: str) -> int:
        with sqlite3.connect(house.database) as database:
            query = "SELECT coalesce(max(sequence), 0) FROM stream WHERE room = ?"
            [(sequence,)] = database.execute(query, (room,))
        database.close()
        return int(sequence)

    return in_room


@pytest.fixture
def last_change(in_room: Callable[[str], int], room: str) -> Callable[[], int]:
    """Tell how far the stream of the test's own room has come."""
    return lambda: in_room(room)
