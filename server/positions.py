"""Telling those far back in line that they have moved up.

A v1 client beyond the window does not see itself in any list, so it is sent its position when that
changes: at most once in two seconds, and the last change always.
"""

import asyncio
from collections.abc import Callable, Iterable

from queue_engine.model import User
from storage.contract import RoomName

from .connection import Connection

# No client is told its position more often (seconds; design, 4.2).
NOTICE_SECONDS = 2.0
# Nor is a room looked through more often, however many of its clients are due one by one.
SWEEP_SECONDS = 0.25


class PositionNotices:
    """Who is to be told, and when. ``far_back`` lists the clients concerned, ``tell`` sends."""

    def __init__(
        self,
        far_back: Callable[[RoomName], Iterable[tuple[Connection, User, int]]],
        tell: Callable[[Connection, User], None],
    ) -> None:
        self._far_back = far_back
        self._tell = tell
        self._sweeps: dict[RoomName, asyncio.TimerHandle] = {}

    def line_changed(self, room: RoomName) -> None:
        """Look through the room soon, unless that is due anyway."""
        self._sweep_in(room, SWEEP_SECONDS)

    def _sweep_in(self, room: RoomName, seconds: float) -> None:
        if room not in self._sweeps:
            loop = asyncio.get_running_loop()
            self._sweeps[room] = loop.call_later(seconds, self._sweep, room)

    def _sweep(self, room: RoomName) -> None:
        del self._sweeps[room]
        now = asyncio.get_running_loop().time()
        soonest: float | None = None
        for connection, user, position in self._far_back(room):
            if position == connection.told_position:
                continue
            wait = connection.told_at + NOTICE_SECONDS - now
            if wait <= 0:
                self._tell(connection, user)
            else:
                soonest = wait if soonest is None else min(soonest, wait)
        if soonest is not None:
            self._sweep_in(room, max(soonest, SWEEP_SECONDS))
