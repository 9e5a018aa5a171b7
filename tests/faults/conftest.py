"""Servers that things are done to. None may ever write a traceback."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player import Player
from tests.server_process import ServerProcess

StartServer = Callable[..., ServerProcess]
FREELY = ("--messages-per-second", "100000", "--burst", "100000")


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Start servers on one database file; whatever still runs at the end is killed."""
    started: list[ServerProcess] = []

    def start(*flags: str, **how: Any) -> ServerProcess:
        started.append(ServerProcess(tmp_path / "lobby.db", (*FREELY, *flags), **how))
        return started[-1]

    yield start
    await Player.send_home()
    for server in started:
        server.kill()
    assert "Traceback" not in started[0].log_text()
