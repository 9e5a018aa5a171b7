"""The process itself: what it is started with, and where it does not start at all."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.player import Player
from tests.lab.server_process import ROOT

DEADLINE = 30.0


def with_closed(streams: str, *arguments: str) -> list[str]:
    """Return a command that runs Python with some of its standard streams closed."""
    return ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, *arguments]


def behind(pid: int, descriptor: str) -> str:
    return os.readlink(f"/proc/{pid}/fd/{descriptor}")


@pytest.mark.parametrize("streams", ["2>&-", "1>&-", "0<&- 1>&-", "0<&- 2>&-"])
async def test_closed_standard_streams_keep_nobody_from_playing(
    tmp_path: Path, streams: str
) -> None:
    said = "stdout" if "2>" in streams else "stderr"
    command = with_closed(streams, "-m", "server", "--port", "0", "--log-format", "console")
    process = await asyncio.create_subprocess_exec(
        *(*command, "--store", f"sqlite:///{tmp_path}/lobby.db"),
        cwd=ROOT,
        stdout=subprocess.PIPE if said == "stdout" else None,
        stderr=subprocess.PIPE if said == "stderr" else None,
    )
    try:
        open_stream = getattr(process, said)
        async with asyncio.timeout(DEADLINE):
            line = (await open_stream.readline()).decode()
        url = line[line.index("http://") :].strip().rstrip("/")
        ann = await Player.join(url.replace("http", "ws"))
        assert (await ann.ask(action="makeMove", cell=9))["statusCode"] == 400
        await ann.sync()
        if sys.platform == "linux":
            assert {behind(process.pid, part[0]) for part in streams.split()} == {"/dev/null"}
        await ann.leave()
        process.terminate()
        async with asyncio.timeout(DEADLINE):
            rest = (await open_stream.read()).decode()
            assert await process.wait() == 0
        assert "Traceback" not in rest
        assert said == "stderr" or rest == "", "stdout is for the URL alone"
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def test_mistake_with_stderr_closed_is_not_told_on_stdout() -> None:
    command = with_closed("2>&-", "-m", "server", "--port", "http")
    result = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, timeout=DEADLINE, check=False
    )
    assert (result.returncode, result.stdout) == (2, b"")


# As Windows is, for what is imported after this line.
ON_WINDOWS = """
import asyncio, runpy, signal, sys
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["resource"] = None
"""


@pytest.mark.parametrize(
    "start", ["runpy.run_module('server', run_name='__main__')", "import server.__main__"]
)
def test_windows_is_told_in_one_line(start: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", ON_WINDOWS + start],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    told = "winner-stays: found Windows, expected Linux or macOS; WSL will do\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", told)
