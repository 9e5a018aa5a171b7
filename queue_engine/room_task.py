"""One room's life: a mailbox, the room in memory, and its way to the store.

One turn: gather what is in the mailbox, play it, commit all changes at once, then answer. Nothing
else changes the room, so no two commands can race; and the busier the room, the larger the batch.
It decides when to play, never what happens: that is the rules' part.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from storage.contract import Batch, Conflict, RoomName, Store, StoreUnavailable, Table

from . import changes as history
from .changes import Change
from .clock import next_deadline
from .commands import Command, Disconnect, HoldClocks, PassTime, Reconcile, Recover
from .items import to_game, to_item_change, to_user
from .mailbox import Letter, Outcome, Played
from .model import ConnectionId, Room
from .refusals import Refusal
from .replay import replay
from .rules import play
from .turn import HouseRules

logger = logging.getLogger(__name__)

# A larger commit gains little throughput and costs latency: 6 ms at 512 operations on SQLite.
MAX_BATCH = 256
# While the store is down: how often to try again with what must not be lost.
RETRY_SECONDS = 0.5
# How long a refused commit waits for the changes that were in its way to come by the stream.
CATCH_UP_SECONDS = 5.0
# A deadline noticed later than this shows that the loop was held up. What clients sent meanwhile
# is still in their sockets, and gets as long again to be heard before anything expires.
STALL_SECONDS = 0.5


class Meter(Protocol):
    """What is counted here; durations in seconds."""

    def committed(self, commands: int, seconds: float) -> None:
        """A batch was stored."""

    def conflicted(self) -> None:
        """A batch was refused, because the stream had moved on."""

    def failed(self) -> None:
        """A batch could not be stored."""


class RoomTask:
    """A room that is open in this process."""

    def __init__(
        self,
        name: RoomName,
        store: Store,
        house: HouseRules,
        *,
        owner: str,
        clock: Callable[[], datetime],
        meter: Meter,
        on_end: Callable[[RoomName], object],
    ) -> None:
        self._name = name
        self._store = store
        self._house = house
        self._owner = owner
        self._clock = clock
        self._meter = meter
        self._on_end = on_end
        self._room = Room(name)
        self._sequence = 0  # the stream as the room in memory knows it
        self._announced = 0  # the stream as it has come back to everybody
        self._mailbox: list[Letter] = []
        self._owed: list[Letter] = []  # what happened, but could not be stored yet
        self._stream: list[Batch] = []
        self._touched: set[ConnectionId] | None = None  # by other hands, and not yet reconciled
        self._homeless: set[ConnectionId] = set()  # of those, who came in this process's name
        self._wake = asyncio.Event()
        self._outage_since: datetime | None = None
        self._patience_until: float | None = None
        self._closing = False

    async def post(self, command: Command) -> Played:
        """Put the command in the mailbox and wait for its answer."""
        letter = Letter(command, asyncio.get_running_loop().create_future())
        self._mailbox.append(letter)
        self._wake.set()
        return await letter.answer

    def has_place(self) -> bool:
        """Tell whether somebody new may come to play."""
        return not self._room.is_full(self._house.max_waiting)

    def whose(self, session: str) -> ConnectionId | None:
        """Return whose secret that is."""
        user = self._room.by_session(session)
        return user.connection_id if user is not None else None

    def observe(self, batch: Batch) -> None:
        """Take note of a batch of the stream."""
        self._announced = batch.sequence
        if batch.sequence > self._sequence:
            self._stream.append(batch)  # by other hands, or our own commit that is under way
            self._wake.set()
        elif not self._room.users:
            self._wake.set()

    def close(self) -> None:
        """End as soon as the mailbox is empty."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Live until nobody is left, or until closed."""
        try:
            while True:
                await self._open()
                while not self._is_over():
                    await self._gather()
                    letters, self._mailbox = self._mailbox[:MAX_BATCH], self._mailbox[MAX_BATCH:]
                    await self._turn([*self._owed, *letters])
                await self._store.forget(self._name)
                if not self._mailbox:
                    break
        except StoreUnavailable as error:
            for letter in self._mailbox:
                letter.fail(error)
        finally:
            self._on_end(self._name)

    async def _open(self) -> None:
        snapshot = await self._store.load(self._name)
        self._room = Room(self._name)
        for item in snapshot.users:
            self._room.put(to_user(item))
        if snapshot.game is not None:
            self._room.game = to_game(snapshot.game)
        self._sequence = self._announced = snapshot.sequence
        if not any(isinstance(letter.command, Recover) for letter in self._mailbox):
            # Whoever is there already was put there by hand, while nobody looked.
            self._touched = self._homeless = set(self._room.users)

    def _is_over(self) -> bool:
        if self._mailbox or self._stream:
            return False
        # Everybody must have heard of the last change before the room is forgotten.
        empty = not self._room.users and self._announced >= self._sequence
        return self._closing or empty

    async def _gather(self) -> None:
        """Wait for a letter, a change by other hands, or a deadline."""
        if not self._mailbox and not self._stream:
            seconds = self._seconds_to_wait()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(seconds, self._wake.set) if seconds is not None else None
            await self._wake.wait()
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    def _seconds_to_wait(self) -> float | None:
        if self._outage_since is not None:
            return RETRY_SECONDS
        if self._patience_until is not None:
            return self._patience_until - time.monotonic()
        deadline = next_deadline(self._room, self._house)
        return (deadline - self._clock()).total_seconds() if deadline is not None else None

    async def _turn(self, letters: Sequence[Letter]) -> None:
        while True:
            now = self._clock()
            changes: list[Change] = []
            self._take_in_stream()
            outcomes = self._play_all(letters, now, changes)
            try:
                await self._commit(changes, len(letters))
            except Conflict:
                # Ordinary: somebody else wrote. Hear what it was, and play the batch again.
                history.undo(self._room, changes)
                self._meter.conflicted()
                if await self._catch_up():
                    continue
                self._hold(letters, StoreUnavailable("the room's stream does not come"), now)
            except StoreUnavailable as error:
                history.undo(self._room, changes)
                self._hold(letters, error, now)
            except Exception as error:
                # Our bug, not the clients': the room is as it was, and the others play on.
                history.undo(self._room, changes)
                logger.exception("a commit failed", extra={"room": self._name})
                self._hold(letters, error, now)
            else:
                self._outage_since = self._touched = None
                self._homeless = set()
                self._answer(outcomes)
            return

    def _take_in_stream(self) -> None:
        """Replay what other hands did, if anything; remember the users they touched."""
        for batch in self._stream:
            if batch.sequence > self._sequence:
                self._homeless = self._homeless | self._newcomers(batch)
                self._touched = (self._touched or set()) | replay(self._room, batch.changes)
                self._sequence = batch.sequence
        self._stream.clear()

    def _newcomers(self, batch: Batch) -> set[ConnectionId]:
        """Return who was put into the room in this process's name, but not by this task."""
        images = [c.new_image for c in batch.changes if c.new_image and c.table is Table.USERS]
        ids = {ConnectionId(str(i["connection_id"])) for i in images if i["owner"] == self._owner}
        return ids - self._room.users.keys()

    def _play_all(
        self,
        letters: Sequence[Letter],
        now: datetime,
        changes: list[Change],
    ) -> list[Outcome]:
        if self._outage_since is not None:
            seconds = (now - self._outage_since).total_seconds()
            changes += self._keep_house(HoldClocks(seconds), now)
        if self._touched is not None:
            command = Reconcile(self._touched, (self._owner,), self._homeless)
            changes += self._keep_house(command, now)
        outcomes: list[Outcome] = []
        for letter in letters:
            try:
                its_changes = play(self._room, letter.command, now, self._house)
            except Refusal as refusal:
                outcomes.append((letter, refusal))
            except Exception as error:
                # Our bug: it is told to whoever asked, and must not cost the others their turn.
                logger.exception("a command failed", extra={"room": self._name})
                outcomes.append((letter, error))
            else:
                changes += its_changes
                outcomes.append((letter, its_changes))
        # Last, so that who came in time is not taken for late.
        if self._time_is_up(now):
            changes += self._keep_house(PassTime(), now)
        return outcomes

    def _keep_house(self, command: Command, now: datetime) -> tuple[Change, ...]:
        """Play what nobody asked for; if it fails, let the room go on and try again later."""
        try:
            return play(self._room, command, now, self._house)
        except Exception:
            # Our bug: without this it would end the process, and every other room with it.
            logger.exception("the house cannot be kept", extra={"room": self._name})
            self._patience_until = time.monotonic() + RETRY_SECONDS
            return ()

    def _time_is_up(self, now: datetime) -> bool:
        deadline = next_deadline(self._room, self._house)
        if deadline is None or deadline > now:
            self._patience_until = None
            return False
        late = (now - deadline).total_seconds() > STALL_SECONDS
        if late and self._patience_until is None:
            self._patience_until = time.monotonic() + STALL_SECONDS
        if self._patience_until is not None and time.monotonic() < self._patience_until:
            return False
        self._patience_until = None
        return True

    async def _commit(self, changes: Sequence[Change], commands: int) -> None:
        if not changes:
            return
        items = [to_item_change(self._name, change) for change in changes]
        started = time.perf_counter()
        self._sequence = await self._store.commit(self._name, self._sequence, items)
        self._meter.committed(commands, time.perf_counter() - started)

    async def _catch_up(self) -> bool:
        """Wait until the stream brings what the room does not know; tell whether it came."""
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS):
                while not any(batch.sequence > self._sequence for batch in self._stream):
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _hold(self, letters: Sequence[Letter], error: Exception, now: datetime) -> None:
        """Nothing can be stored: say so, stop the clocks, and keep what happened all the same."""
        self._meter.failed()
        if self._outage_since is None:
            logger.warning("the store is down", extra={"room": self._name, "error": str(error)})
            self._outage_since = now
        self._owed = [letter for letter in letters if isinstance(letter.command, Disconnect)]
        for letter in letters:
            if letter not in self._owed:
                letter.fail(error)

    def _answer(self, outcomes: Sequence[Outcome]) -> None:
        self._owed = []
        for letter, outcome in outcomes:
            if isinstance(outcome, Exception):
                letter.fail(outcome)
            elif not letter.answer.done():
                letter.answer.set_result(Played(outcome, self._sequence))
