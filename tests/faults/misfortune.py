"""What can be done to a running server from outside: its disk fails, its wall clock jumps."""

import struct
from pathlib import Path


class Misfortune:
    """A server's share of it: none, to begin with. `misfortune.c` says how it works."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self._clock_off = self._write_error = 0
        self.environment = {"LD_PRELOAD": str(library), "MISFORTUNE": str(file)}
        self._tell()

    def set_clock_off(self, seconds: int) -> None:
        """Let the wall clock be off by so much."""
        self._clock_off = seconds
        self._tell()

    def fail_writes(self, error: int) -> None:
        """Let writing to files fail with that errno; 0 heals it."""
        self._write_error = error
        self._tell()

    def _tell(self) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=qq", self._clock_off, self._write_error))
