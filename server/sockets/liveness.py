"""One timer that pings everybody, instead of a task per connection.

Seated users are pinged every 5 s, the rest every 20 s. A socket that has sent nothing since its
last ping when the next one is due is cut off. So an absence is noticed within 10 s at the board and
40 s elsewhere.
"""

import asyncio
from collections.abc import Callable, Iterable

from server.sockets.connection import Connection
from server.wire.messages import PING_FRAME

TICK_SECONDS = 5.0
# Everybody but the seated is pinged at every so many ticks.
TICKS_ELSEWHERE = 4
# A timer this late (seconds) says that we were held up, not that the peers are gone.
LATE_SECONDS = 1.0


class Liveness:
    """The timer; ``crowd`` yields every socket, and whether its user is seated."""

    def __init__(self, crowd: Callable[[], Iterable[tuple[Connection, bool]]]) -> None:
        self._crowd = crowd
        self._tick = 0

    async def run(self) -> None:
        """Ping for ever."""
        loop = asyncio.get_running_loop()
        while True:
            # From now on, however late the last tick was: a tick that made up for lost time would
            # come before anybody could answer the pings of the last one.
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)  # the timer itself: nothing else to wait for
            self._tick += 1
            self._ping_all(trust_silence=loop.time() - due < LATE_SECONDS)

    def _ping_all(self, *, trust_silence: bool) -> None:
        for connection, seated in self._crowd():
            # Spread over the ticks, so that a large crowd is not pinged all at once.
            due = (self._tick + id(connection) // 64) % TICKS_ELSEWHERE == 0
            if due or seated:
                self._ping(connection, trust_silence=trust_silence)

    def _ping(self, connection: Connection, *, trust_silence: bool) -> None:
        transport = connection.transport
        # A peer that sends faster than we answer is not read from for a while, and so not heard.
        # A transport that is closing does not read either, but never will again.
        held_up = not transport.is_reading() and not transport.is_closing()
        silent = connection.pinged and not connection.heard and not held_up
        if silent and trust_silence:
            transport.abort()
            return
        connection.heard = False
        connection.pinged = True
        if connection.is_open:
            transport.write(PING_FRAME)
