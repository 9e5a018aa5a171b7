"""The asyncio shell around the rules: every room of this process, each with its own task.

This module opens, finds and closes rooms; `room_task.py` runs one. It knows no rule and no
listener: only the store's stream tells what a command has changed.
"""

import asyncio
import gc
import logging
from collections.abc import Callable
from contextlib import suppress

from storage.contract import RoomName, RoomUnreadable, Store, StoreError, StoreUnavailable

from .clock import Clock
from .commands import Command, Recover
from .house import HouseRules
from .items import Committed
from .mailbox import Played
from .model import ConnectionId
from .room_task import Meter, RoomTask

logger = logging.getLogger(__name__)

# How many rooms are opened at a time. The store writes those that are ready together.
OPENED_AT_ONCE = 256


class Engine:
    """All rooms of this process; ``owner`` is the process's name in the rows that it owns.

    ``on_broken`` is called with a room that has ended because its items cannot be read.
    """

    def __init__(
        self,
        store: Store,
        house: HouseRules,
        *,
        clock: Clock,
        owner: str,
        meter: Meter,
        on_broken: Callable[[RoomName], object],
    ) -> None:
        self.owner = owner
        self._on_broken = on_broken
        self._store = store
        self._house = house
        self._meter = meter
        self._clock = clock
        self._rooms: dict[RoomName, RoomTask] = {}
        self._running: dict[asyncio.Task[None], RoomName] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._unusable: set[RoomName] = set()  # their users could not be made absent yet
        self._closed = False

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Open every stored room, and make users absent whose process has ended.

        A room with a row that cannot be read or written is skipped.

        Raises:
            StoreUnavailable: the store cannot be read or written.
        """
        self._tasks = tasks
        rooms = iter(await self._store.rooms())

        async def open_some() -> None:
            for room in rooms:
                with suppress(RoomUnreadable):
                    await self._recover(room)

        opening = [asyncio.create_task(open_some()) for _ in range(OPENED_AT_ONCE)]
        # Everything created here stays, so collections would only traverse it repeatedly.
        gc.disable()
        try:
            await asyncio.gather(*opening)
        finally:
            gc.enable()
            for task in opening:
                task.cancel()
            await asyncio.wait(opening)

    async def _recover(self, room: RoomName) -> None:
        """Make everybody in the room absent, since none of their sockets exist any more.

        Raises:
            RoomUnreadable: it cannot be done; the log says why.
            StoreUnavailable: the store cannot be read or written.
        """
        try:
            await self._play(room, Recover(()))
        except (StoreUnavailable, RoomUnreadable):
            raise
        except StoreError as error:
            self._break(room, error)
            ending = [running for running, name in self._running.items() if name == room]
            for running in ending:
                running.cancel()
            if ending:
                await asyncio.wait(ending)
            raise RoomUnreadable(f"room {room}: {error}") from error
        self._unusable.discard(room)

    def _break(self, room: RoomName, error: StoreError) -> None:
        """Exclude the room until its rows are repaired; log the reason once."""
        if room not in self._unusable:
            extra = {"action": "room_unusable", "room": room, "reason": str(error)}
            logger.error("room unusable until its rows are repaired", extra=extra)
        self._unusable.add(room)
        self._on_broken(room)

    async def submit(self, room: RoomName, command: Command) -> Played:
        """Play the command after those before it; return once its changes are stored.

        Raises:
            Refusal: the rules refused it; nothing changed.
            RoomUnreadable: a row of the room is broken; nothing changed.
            StoreUnavailable: the store cannot be written, or the engine is closed; nothing changed.
        """
        if room in self._unusable:
            await self._recover(room)  # an operator may have repaired it
        return await self._play(room, command)

    async def _play(self, room: RoomName, command: Command) -> Played:
        task = self._rooms.get(room) or self._open(room)
        return await task.post(command)

    def observe(self, committed: Committed) -> None:
        """Pass a batch of the stream, from this process or another, to its room."""
        task = self._rooms.get(committed.room)
        if task is not None:
            task.observe(committed)

    def reload(self, room: RoomName) -> None:
        """Load an open room again, after an unreadable record in the stream."""
        task = self._rooms.get(room)
        if task is not None:
            task.reload()

    async def close(self, seconds: float) -> None:
        """Let every room finish its mailbox; cancel those that take longer.

        Commands submitted afterwards are refused.
        """
        self._closed = True
        for room in self._rooms.values():
            room.close()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()

    def has_place(self, room: RoomName) -> bool:
        """Return whether the room has space for another player in line.

        Of several who enter at the same moment, the rules may still refuse some.
        """
        task = self._rooms.get(room)
        return task is None or task.has_place()

    def whose(self, room: RoomName, session: str | None) -> ConnectionId | None:
        """Return the user of the room whose session id this is, if any."""
        task = self._rooms.get(room)
        return task.whose(session) if task is not None and session is not None else None

    def username(self, room: RoomName, connection_id: ConnectionId) -> str | None:
        """Return the username of a user of the room, as it is shown."""
        task = self._rooms.get(room)
        return task.username(connection_id) if task is not None else None

    def __contains__(self, room: RoomName) -> bool:
        """Return whether the room is open, which means that it has a socket or a row."""
        return room in self._rooms

    @property
    def room_count(self) -> int:
        """How many rooms are open."""
        return len(self._rooms)

    def _open(self, room: RoomName) -> RoomTask:
        if self._tasks is None or self._closed:
            raise StoreUnavailable("the server is going down")
        task = RoomTask(
            room,
            self._store,
            self._house,
            clock=self._clock,
            meter=self._meter,
            on_end=self._rooms.pop,
            on_broken=self._break,
        )
        life = task.run()
        try:
            running = self._tasks.create_task(life, name=f"room {room}")
        except RuntimeError as error:
            # Another task of the group has failed, and the group is shutting down.
            life.close()
            raise StoreUnavailable("the server is going down") from error
        self._rooms[room] = task
        self._running[running] = room
        running.add_done_callback(self._running.pop)
        return task
