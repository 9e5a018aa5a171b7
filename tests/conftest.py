"""Fixtures for every test: no stray settings, and a real server process to play on."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.lab.player import Player
from tests.lab.server_process import ServerProcess


@pytest.fixture(autouse=True)
def _no_stray_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("WINNER_STAYS_"):
            monkeypatch.delenv(name)


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[Callable[..., ServerProcess]]:
    """Start servers on one database file; whoever and whatever is left at the end is stopped."""
    started: list[ServerProcess] = []

    def start(*flags: str) -> ServerProcess:
        server = ServerProcess(tmp_path / "lobby.db", flags)
        started.append(server)
        return server

    yield start
    await Player.send_home()
    for server in started:
        server.kill()


@pytest.fixture
def server(start_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A server with the default settings."""
    return start_server()
