"""Servers that things are done to, and the figures that they reached.

No server may ever write a traceback, whatever is done to it.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.misfortune import Misfortune
from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

StartServer = Callable[..., ServerProcess]
Report = Callable[[str], None]
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


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that comes between a server and its system."""
    if shutil.which("cc") is None and os.environ.get("CI") != "true":
        pytest.skip("no C compiler here")
    library = tmp_path_factory.mktemp("preloaded") / "misfortune.so"
    source = Path(__file__).with_name("misfortune.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def misfortune(preloaded: Path, tmp_path: Path) -> Misfortune:
    """What a server that is started with its ``environment`` can be made to suffer."""
    return Misfortune(preloaded, tmp_path / "misfortune")


_figures = pytest.StashKey[list[str]]()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Take a figure that a test has reached, to be shown at the end."""
    figures = request.config.stash.setdefault(_figures, [])
    return lambda figure: figures.append(f"{request.node.name}: {figure}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the figures."""
    for figure in config.stash.get(_figures, []):
        terminalreporter.write_line(figure)
