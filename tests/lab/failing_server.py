"""A server of which one part fails as soon as a file exists.

    python -m tests.lab.failing_server PART FILE [flags of the server]

The part is a name from ``PARTS``. Of the rest of the server, nothing is changed.
"""

import sys
from pathlib import Path
from typing import Any

from queue_engine.room_task import RoomTask
from server.__main__ import main
from server.rooms.channel import Channel

PARTS = {
    "channel": (Channel, "announce"),
    "room": (RoomTask, "_is_over"),
}


def sabotage(part: str, armed: Path) -> None:
    """Make the part fail once the file exists."""
    kind, name = PARTS[part]
    works = getattr(kind, name)

    def fail(self: Any, *arguments: Any, **options: Any) -> Any:
        if armed.exists():
            raise RuntimeError(f"the {part} is broken")
        return works(self, *arguments, **options)

    setattr(kind, name, fail)


if __name__ == "__main__":
    sabotage(sys.argv[1], Path(sys.argv[2]))
    main(sys.argv[3:])
