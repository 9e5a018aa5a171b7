"""A real server in a process of its own, which can really be stopped and really be killed."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEADLINE = 15.0


class ServerProcess:
    """`python -m server` on a free port; it is being served once the constructor returns.

    ``program`` stands in for `-m server`, and ``environment`` is added to that of the tests.
    """

    def __init__(
        self,
        database: Path,
        flags: Sequence[str] = (),
        port: int = 0,
        *,
        program: Sequence[str] = ("-m", "server"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.database = database
        self.flags = tuple(flags)
        self._log = database.with_suffix(".log").open("ab")
        command = [sys.executable, *program, "--port", str(port), "--log-format", "json"]
        self.process = subprocess.Popen(
            [*command, "--store", f"sqlite:///{database}", *flags],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.url = self._first_line()
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])
        self.ws_url = f"ws://127.0.0.1:{self.port}"

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(DEADLINE):
                self.kill()
                raise AssertionError(f"no URL within {DEADLINE} s\n{self.log_text()}")
        line = self.process.stdout.readline().strip()
        if not line:
            self.kill()
            raise AssertionError(f"the server did not start\n{self.log_text()}")
        return line

    def log_text(self) -> str:
        """Return all that the server wrote to stderr."""
        return self.database.with_suffix(".log").read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the log, line by line."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def metric(self, name: str) -> float:
        """Return what ``/metrics`` says by now, without the prefix and labels of the name."""
        with urllib.request.urlopen(f"{self.url}metrics", timeout=60) as response:
            lines = response.read().decode().splitlines()
        start = f"winner_stays_{name} "
        return float(next(line for line in lines if line.startswith(start)).split()[1])

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self._end()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to stop; return the exit code and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        taken = time.monotonic() - started
        self._end()
        return code, taken

    def restart(self) -> "ServerProcess":
        """Start it anew on the same database and the same port."""
        return ServerProcess(self.database, self.flags, self.port)

    def _end(self) -> None:
        self.process.wait(DEADLINE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
