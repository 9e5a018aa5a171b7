"""The process itself: what it is started with, and where it does not start at all."""

import subprocess
import sys

import pytest

from tests.server_process import ROOT

DEADLINE = 30.0


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
