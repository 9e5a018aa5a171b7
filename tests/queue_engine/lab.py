"""A room's task on the store in memory, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from queue_engine.commands import Command, Disconnect, Enter, MakeMove
from queue_engine.house import HouseRules
from queue_engine.items import decode, to_game, to_user
from queue_engine.mailbox import Played
from queue_engine.model import ConnectionId, Game, User
from queue_engine.room_task import RoomTask
from storage.contract import RoomName, RoomUnreadable, Table
from tests.storage.memory import Disk, MemoryStore

LOBBY = RoomName("lobby")
OWNER = "this process"
DEADLINE = 10.0


class Counter:
    """A meter for the tests to read."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.conflict = asyncio.Event()

    def committed(self, commands: int, seconds: float) -> None:
        """A batch was stored."""
        self.batches.append(commands)

    def conflicted(self) -> None:
        """A batch was refused, because the stream had moved on."""
        self.conflict.set()

    def failed(self) -> None:
        """A batch could not be stored."""


class Lab:
    """A room that is open, its store, and the time it is."""

    def __init__(self, house: HouseRules) -> None:
        self.store = MemoryStore(Disk())
        self.now = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
        self.meter = Counter()
        self.ended = asyncio.Event()
        self.broken = asyncio.Event()
        self.why_broken = ""
        self.tasks: list[asyncio.Task[None]] = []
        self.room = RoomTask(
            LOBBY,
            self.store,
            house,
            clock=lambda: self.now,
            meter=self.meter,
            on_end=lambda _: self.ended.set(),
            on_broken=self._note_broken,
        )

    def _note_broken(self, room: RoomName, error: RoomUnreadable) -> None:
        self.why_broken = str(error)
        self.broken.set()

    async def follow(self) -> None:
        """Carry the stream to the room, as the server does."""
        async for batch in self.store.stream():
            committed, unreadable = decode(batch)
            self.room.observe(committed)
            if unreadable:
                self.room.reload()

    def wait(self, seconds: float) -> None:
        """Let time pass; the room notices when something wakes it."""
        self.now += timedelta(seconds=seconds)

    async def play(self, command: Command) -> Played:
        """Have a command played and stored; the first one opens the room."""
        answer = asyncio.ensure_future(self.room.post(command))
        if not self.tasks:
            self.tasks = [asyncio.create_task(self.room.run()), asyncio.create_task(self.follow())]
        async with asyncio.timeout(DEADLINE):
            return await answer

    async def enter(self, name: str) -> Played:
        """Let somebody come."""
        return await self.play(enter(name))

    async def vanish(self, name: str) -> Played:
        """Let somebody lose the socket."""
        return await self.play(Disconnect(ConnectionId(name), 0, leaving=False))

    async def move(self, name: str, cell: int) -> Played:
        """Let a player mark a cell."""
        return await self.play(MakeMove(ConnectionId(name), 0, cell))

    def user(self, name: str) -> User | None:
        """Return a user as the store has it."""
        item = self.store.disk.items.get((Table.USERS, name))
        return to_user(item) if item is not None else None

    @property
    def game(self) -> Game:
        """The game as the store has it."""
        return to_game(self.store.disk.items[Table.GAMES, LOBBY])


def enter(name: str, resume: str | None = None) -> Enter:
    """Return the command of somebody who comes, or comes back."""
    return Enter(
        connection_id=ConnectionId(name),
        session_id=f"secret of {name}",
        owner=OWNER,
        resumable=True,
        resume=resume,
    )


@asynccontextmanager
async def open_lab(house: HouseRules | None = None) -> AsyncIterator[Lab]:
    """Open a room; end it when the test is done."""
    lab = Lab(house or HouseRules())
    try:
        yield lab
    finally:
        lab.room.close()
        await lab.store.close()
        for task in lab.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*lab.tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
