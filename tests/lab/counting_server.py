"""A server that counts what it holds when it is sent SIGUSR1: its tasks, sockets and rooms.

    python -m tests.lab.counting_server FILE [flags of the server]

The counts go to the file, as JSON. Of the server, nothing is changed.
"""

import asyncio
import gc
import json
import signal
import sys
from collections import Counter
from pathlib import Path

from server.__main__ import main
from server.sockets.connection import Connection

HELD = ("RoomTask", "Room", "View", "User", "TokenBucket", "TimerHandle")


def count(file: Path) -> None:
    """Write down what there is by now."""
    gc.collect()
    kinds = Counter(map(type, gc.get_objects()))
    names = Counter({kind.__name__: number for kind, number in kinds.items()})
    sockets = sum(number for kind, number in kinds.items() if issubclass(kind, Connection))
    tasks = len(asyncio.all_tasks())
    counts = {"Task": tasks, "Connection": sockets, **{kind: names[kind] for kind in HELD}}
    written = file.with_suffix(".written")
    written.write_text(json.dumps(counts))
    written.rename(file)


if __name__ == "__main__":
    counts_file = Path(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: count(counts_file))
    main(sys.argv[2:])
