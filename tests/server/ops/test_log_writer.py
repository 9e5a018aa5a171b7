"""A stderr that nobody reads holds up nobody who plays."""

import asyncio
import sys
from pathlib import Path

from tests.lab.player import Player
from tests.lab.server_process import ROOT

# More than any pipe holds.
REFUSALS = 1500


async def test_a_full_pipe_behind_stderr_does_not_stop_the_room(tmp_path: Path) -> None:
    # At DEBUG no line is left out.
    flags = ["--port", "0", "--log-level", "debug"]
    flags += ["--messages-per-second", "100000", "--burst", "100000"]
    store = ["--store", f"sqlite:///{tmp_path}/lobby.db"]
    command = [sys.executable, "-m", "server", *store, *flags]
    pipe = asyncio.subprocess.PIPE
    # The limit is where asyncio itself stops reading the pipe for us.
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, limit=1024, stdout=pipe, stderr=pipe
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        player = await Player.join(url.replace("http", "ws"))
        for _ in range(REFUSALS):
            assert (await player.ask(action="makeMove", cell=9))["statusCode"] == 400
        await player.sync()
        assert process.returncode is None
    finally:
        process.kill()
        await process.communicate()
