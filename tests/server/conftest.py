"""One server a module, which must not complain; and a room of its own for every test."""

import itertools
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lab.player import Player
from tests.lab.raw import Raw
from tests.lab.server_process import ServerProcess

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
def url(house: ServerProcess, room: str) -> str:
    """The address of the test's own lobby."""
    return f"{house.ws_url}/{room}"


@pytest.fixture(autouse=True)
async def _all_go_home() -> AsyncIterator[None]:
    """Whoever is still there at the end of a test leaves."""
    yield
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


class Certificate(NamedTuple):
    """A self-signed certificate for 127.0.0.1, its key, and the flags that name both."""

    certificate: Path
    key: Path

    @property
    def flags(self) -> Flags:
        return ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate | None:
    """Make a certificate, where there is an `openssl` command; in CI there must be one."""
    if shutil.which("openssl") is None and os.environ.get("CI") != "true":
        return None
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return made
