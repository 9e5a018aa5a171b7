"""Keepalive pings, from one timer instead of a task per connection.

Seated users are pinged every 5 s, others every 20 s. A socket that has sent nothing between two
pings is cut off, so an absence is noticed within 10 s at the board and 40 s elsewhere.
"""

import asyncio
from collections.abc import Callable, Iterable

from server.sockets.connection import Connection
from server.wire.messages import PING_FRAME

TICK_SECONDS = 5.0
# Users who are not seated are pinged once in this many ticks.
TICKS_ELSEWHERE = 4
# If the timer is this late (seconds), the server was stalled, and silent peers may be alive.
LATE_SECONDS = 1.0


class Liveness:
    """The timer; ``crowd`` yields each socket, and whether its user is seated."""

    def __init__(self, crowd: Callable[[], Iterable[tuple[Connection, bool]]]) -> None:
        self._crowd = crowd
        self._tick = 0

    async def run(self) -> None:
        """Ping until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            # Count from now, however late the last tick was. A tick that made up for lost time
            # would come before peers could answer the last pings.
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)  # the timer itself
            self._tick += 1
            self._ping_all(trust_silence=loop.time() - due < LATE_SECONDS)

    def _ping_all(self, *, trust_silence: bool) -> None:
        for connection, seated in self._crowd():
            # Spread a large crowd over the ticks.
            due = (self._tick + id(connection) // 64) % TICKS_ELSEWHERE == 0
            if due or seated:
                self._ping(connection, trust_silence=trust_silence)

    def _ping(self, connection: Connection, *, trust_silence: bool) -> None:
        transport = connection.transport
        # When a peer sends faster than we answer, reading is paused, so its silence means nothing.
        # A closing transport does not read either, but that is final.
        held_up = not transport.is_reading() and not transport.is_closing()
        silent = connection.pinged and not connection.heard and not held_up
        if silent and trust_silence:
            transport.abort()
            return
        connection.heard = False
        connection.pinged = True
        if connection.is_open:
            transport.write(PING_FRAME)
