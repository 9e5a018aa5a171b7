"""Write log lines to stderr without blocking the event loop.

A write blocks when stderr is a paused terminal or a full pipe, and would block the event loop. So
a separate thread writes the lines. When its queue is full, lines are dropped and counted.
"""

import contextlib
import logging
import queue
import threading
from typing import TextIO

# About two megabytes. Lines beyond that are dropped, and their count precedes the next line.
MOST_LINES = 10_000
# How long (seconds) a flush waits for the last lines, and so delays the end of the process.
LAST_LINES_SECONDS = 0.5


class LogWriter(logging.Handler):
    """A log handler that formats in the caller's thread and writes in its own."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lost = 0
        self._lines: queue.Queue[str | threading.Event] = queue.Queue(MOST_LINES)
        threading.Thread(target=self._write, name="log writer", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line, or count it as lost."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._lost += 1
        except Exception:
            self.handleError(record)  # a record that cannot be formatted must not stop the caller

    def flush(self) -> None:
        """Wait until all lines are written, with a short timeout."""
        written = threading.Event()
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(written)
            written.wait(LAST_LINES_SECONDS)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            # If nobody reads stderr any more, the server goes on without a log.
            with contextlib.suppress(OSError, ValueError):
                if isinstance(line, str):
                    self._write_lines(line)
                if self._lines.empty():
                    self._stream.flush()
            if isinstance(line, threading.Event):
                line.set()

    def _write_lines(self, line: str) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            text = f"{lost} log lines lost"
            notice = logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)
            self._stream.write(self.format(notice) + "\n")
        self._stream.write(line + "\n")
