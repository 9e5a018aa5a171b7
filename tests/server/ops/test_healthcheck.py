"""The image's own question: does the server on this machine live?"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.lab.server_process import ROOT, ServerProcess


def healthcheck(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.ops.healthcheck"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1"])
def test_a_living_server_is_healthy(server: ServerProcess, host: str) -> None:
    port = str(server.port)
    result = healthcheck(WINNER_STAYS_HOST=host, WINNER_STAYS_PORT=port)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("host", ["::1", "[::1]", "::", "[::]"])
def test_a_server_on_ipv6_is_healthy_with_and_without_brackets(
    start_server: Callable[..., ServerProcess], host: str
) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = start_server("--host", host)
    assert re.fullmatch(r"http://(\[[\da-f:]+\]|[\d.]+):\d+/", server.url)
    result = healthcheck(WINNER_STAYS_HOST=host, WINNER_STAYS_PORT=str(server.port))
    assert (result.returncode, result.stderr) == (0, "")


def test_a_proxy_in_the_environment_is_not_asked(server: ServerProcess) -> None:
    proxy = "http://127.0.0.1:1"
    result = healthcheck(WINNER_STAYS_PORT=str(server.port), http_proxy=proxy, HTTP_PROXY=proxy)
    assert result.returncode == 0, result.stderr


def test_a_dead_server_is_told_in_one_line(server: ServerProcess) -> None:
    server.kill()
    result = healthcheck(WINNER_STAYS_PORT=str(server.port))
    assert result.returncode == 1
    assert result.stderr.startswith("not healthy: ")
    assert result.stderr.count("\n") == 1
