"""A server that kills itself before its n-th statement since a file came to be.

    python -m tests.faults.dying_server N FILE [flags of the server]

Every statement of every connection counts, those inside triggers too: SQLite itself tells of each
that it is about to run. Of the server, nothing is changed.
"""

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from server.__main__ import main


def die_before(statement_number: int, armed: Path) -> None:
    """Watch every connection that will be opened."""
    left = statement_number

    def count(_: str) -> None:
        nonlocal left
        if armed.exists():
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def connect_and_watch(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(count)
        return connection

    vars(sqlite3)["connect"] = connect_and_watch


if __name__ == "__main__":
    die_before(int(sys.argv[1]), Path(sys.argv[2]))
    main(sys.argv[3:])
