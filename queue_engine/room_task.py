"""The task of one room: drain its mailbox, play the commands, commit all changes at once, answer.

Nothing else changes the room, so commands cannot race. The busier the room, the larger the batch.
This module decides when commands are played; the rules decide what they do.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from storage.contract import Conflict, RoomName, RoomUnreadable, Store, StoreUnavailable

from . import changes as history
from .changes import Change, UserChange
from .commands import Command, Disconnect, Enter, HoldClocks, PassTime, Reconcile, Recover
from .game_clock import next_deadline
from .house import HouseRules
from .items import Committed, to_item_change
from .mailbox import Letter, Mailbox, Played
from .model import ConnectionId, User
from .refusals import Refusal
from .replica import Replica
from .rules import play

logger = logging.getLogger(__name__)

# A larger commit gains little throughput and costs latency: 6 ms at 512 operations on SQLite.
MAX_BATCH = 256
# Time between two attempts to write to the store during an outage (seconds).
RETRY_SECONDS = 0.5
# How long a refused commit waits for the stream to bring the conflicting changes (seconds). After
# that the room is loaded again.
CATCH_UP_SECONDS = 5.0
# If a deadline is noticed later than this (seconds), the event loop was stalled. Messages that
# arrived meanwhile are still in the sockets, so nothing expires until as long again has passed.
STALL_SECONDS = 0.5

# The result of a letter before it is known whether it could be stored.
Outcome = tuple[Letter, tuple[Change, ...] | Exception]


class Meter(Protocol):
    """Counts commits; durations in seconds."""

    def committed(self, commands: int, seconds: float) -> None:
        """A batch was stored."""

    def conflicted(self) -> None:
        """A batch was refused because the stream had moved on."""

    def failed(self) -> None:
        """A batch could not be stored."""


class RoomTask:
    """A room that is open in this process.

    ``on_end`` is called when the room ends. ``on_broken`` is called before that if the room ends
    because its items cannot be read.
    """

    def __init__(
        self,
        name: RoomName,
        store: Store,
        house: HouseRules,
        *,
        clock: Callable[[], datetime],
        meter: Meter,
        on_end: Callable[[RoomName], object],
        on_broken: Callable[[RoomName, RoomUnreadable], object],
    ) -> None:
        self._name = name
        self._store = store
        self._house = house
        self._clock = clock
        self._meter = meter
        self._on_end = on_end
        self._on_broken = on_broken
        self._replica = Replica(name)
        self._mailbox = Mailbox()
        self._wake = asyncio.Event()
        self._touched: set[ConnectionId] | None = None  # by other writers, not yet reconciled
        self._sockets: dict[ConnectionId, int] = {}  # the generation of each socket that is here
        self._stale = False  # the room in memory must be loaded again
        self._suspect = False  # a bug made a batch fail: play one letter at a time
        self._outage_since: datetime | None = None
        self._grace_until: datetime | None = None
        self._closing = False

    async def post(self, command: Command) -> Played:
        """Put the command in the mailbox and wait for its answer."""
        answer = self._mailbox.put(command)
        self._wake.set()
        return await answer

    def has_place(self) -> bool:
        """Return whether there is space for another player in line."""
        return not self._replica.room.is_full(self._house.max_waiting)

    def whose(self, session: str) -> ConnectionId | None:
        """Return the user whose session id this is, if any."""
        user = self._replica.room.by_session(session)
        return user.connection_id if user is not None else None

    def username(self, connection_id: ConnectionId) -> str | None:
        """Return a user's name as it is shown."""
        user = self._replica.room.users.get(connection_id)
        return user.username if user is not None else None

    def observe(self, committed: Committed) -> None:
        """Note a batch of the stream."""
        self._replica.observe(committed)
        if self._replica.is_ahead(committed) or not self._replica.room.users:
            self._wake.set()

    def reload(self) -> None:
        """Load the room from the store before playing anything else."""
        self._stale = True
        self._wake.set()

    def close(self) -> None:
        """End as soon as the mailbox is empty."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Run until nobody is left or the task is closed."""
        try:
            while True:
                await self._load()
                while not self._is_over():
                    await self._gather()
                    if await self._is_writable():
                        await self._play_batch()
                await self._store.forget(self._name)
                if self._closing or not self._mailbox:
                    break
        except StoreUnavailable as error:
            self._mailbox.fail_all(error)
        except RoomUnreadable as error:
            self._mailbox.fail_all(error)
            await self._store.forget(self._name)
            self._on_broken(self._name, error)
        finally:
            self._on_end(self._name)
            self._mailbox.fail_all(StoreUnavailable("the room is closed"))

    async def _load(self) -> None:
        await self._replica.load(self._store)
        self._stale = False
        if not self._mailbox.holds(Recover):
            # Existing rows were inserted by hand while the room was closed.
            self._touched = set(self._replica.room.users)

    def _is_over(self) -> bool:
        if self._closing and self._outage_since is not None:
            return True
        if self._mailbox or self._replica.is_behind or self._stale:
            return False
        # The stream must bring the last change before the store forgets the room.
        return self._closing or (not self._replica.room.users and self._replica.is_told)

    async def _gather(self) -> None:
        """Wait for a letter, a change by another writer, or a deadline."""
        if not self._has_work():
            seconds = self._seconds_to_wait()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(seconds, self._wake.set) if seconds is not None else None
            await self._wake.wait()
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    def _has_work(self) -> bool:
        if self._outage_since is not None:
            return self._mailbox.has_new  # it must be refused
        return bool(self._mailbox) or self._replica.is_behind or self._stale

    def _seconds_to_wait(self) -> float | None:
        if self._outage_since is not None:
            return RETRY_SECONDS
        until = self._grace_until or next_deadline(self._replica.room, self._house)
        return (until - self._clock()).total_seconds() if until is not None else None

    async def _is_writable(self) -> bool:
        """Probe the store during an outage, so that many disconnects are not played in vain."""
        if self._outage_since is not None:
            try:
                await self._store.probe()
            except StoreUnavailable as error:
                self._mailbox.refuse(error)
                return False
        return True

    async def _play_batch(self) -> None:
        letters = self._mailbox.drain(1 if self._suspect else MAX_BATCH)
        while True:
            now = self._clock()
            changes: list[Change] = []
            try:
                if self._stale:
                    await self._load()
                self._take_in_stream()
                outcomes = self._play_all(letters, now, changes)
                await self._commit(changes, len(letters))
            except Conflict:
                # Another writer was faster, which is normal. Catch up and play the batch again.
                history.undo(self._replica.room, changes)
                self._meter.conflicted()
                self._stale = not await self._catch_up()
                continue
            except StoreUnavailable as error:
                history.undo(self._replica.room, changes)
                self._meter.failed()
                self._begin_outage(error, now)
                self._mailbox.put_back(letters)
                self._mailbox.refuse(error)
            except RoomUnreadable:
                self._mailbox.put_back(letters)
                raise
            except Exception as error:
                # A bug: find the command that cannot be stored, and go on with the others.
                history.undo(self._replica.room, changes)
                self._meter.failed()
                self._isolate(letters, error, now)
            else:
                self._end_outage(now)
                self._suspect = self._suspect and bool(self._mailbox)
                self._touched = None
                self._note_sockets(outcomes)
                for letter, outcome in outcomes:
                    if isinstance(outcome, Exception):
                        letter.fail(outcome)
                    else:
                        letter.succeed(Played(outcome, self._replica.sequence))
            return

    def _take_in_stream(self) -> None:
        """Apply the changes of other writers; remember the users that they touched."""
        touched = self._replica.take_in()
        if touched is not None:
            self._touched = (self._touched or set()) | touched

    def _note_sockets(self, outcomes: Sequence[Outcome]) -> None:
        """Keep track of the sockets that entered through this task and are not gone."""
        for letter, outcome in outcomes:
            match letter.command, outcome:
                case Enter(), (UserChange(new=User() as user), *_):
                    self._sockets[user.connection_id] = user.generation
                case Disconnect(connection_id=connection_id, generation=generation), _:
                    if self._sockets.get(connection_id) == generation:
                        del self._sockets[connection_id]

    def _play_all(
        self, letters: Sequence[Letter], now: datetime, changes: list[Change]
    ) -> list[Outcome]:
        if self._outage_since is not None:
            seconds = (now - self._outage_since).total_seconds()
            changes += self._play_own(HoldClocks(seconds), now)
        if self._touched is not None:
            command = Reconcile(self._touched, self._sockets)
            changes += self._play_own(command, now)
        outcomes: list[Outcome] = []
        for letter in letters:
            try:
                its_changes = play(self._replica.room, letter.command, now, self._house)
            except Refusal as refusal:
                outcomes.append((letter, refusal))
            except Exception as error:
                # A bug: tell the sender, and go on with the other commands.
                logger.exception("a command failed", extra={"room": self._name})
                outcomes.append((letter, error))
            else:
                changes += its_changes
                outcomes.append((letter, its_changes))
        # Last, so that a command that arrived in time is not treated as late.
        if self._time_is_up(now):
            changes += self._play_own(PassTime(), now)
        return outcomes

    def _play_own(self, command: Command, now: datetime) -> tuple[Change, ...]:
        """Play a command of the task itself; if it fails, go on and try again later."""
        try:
            return play(self._replica.room, command, now, self._house)
        except Exception:
            # A bug: without this it would end the process, with every other room.
            logger.exception("housekeeping failed", extra={"room": self._name})
            self._grace_until = now + timedelta(seconds=RETRY_SECONDS)
            return ()

    def _time_is_up(self, now: datetime) -> bool:
        deadline = next_deadline(self._replica.room, self._house)
        if deadline is None or deadline > now:
            self._grace_until = None
            return False
        stall = timedelta(seconds=STALL_SECONDS)
        if self._grace_until is None and now - deadline > stall:
            self._grace_until = now + stall
        if self._grace_until is not None and now < self._grace_until:
            return False
        self._grace_until = None
        return True

    async def _commit(self, changes: Sequence[Change], commands: int) -> None:
        if not changes:
            return
        items = [to_item_change(self._name, change) for change in history.merged(changes)]
        started = time.perf_counter()
        replica = self._replica
        replica.sequence = await self._store.commit(self._name, replica.sequence, items)
        self._meter.committed(commands, time.perf_counter() - started)

    async def _catch_up(self) -> bool:
        """Wait for the stream to bring new changes; return whether it did."""
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS):
                while not self._replica.is_behind:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _begin_outage(self, error: StoreUnavailable, now: datetime) -> None:
        if self._outage_since is None:
            self._outage_since = now
            logger.warning(
                "store unavailable",
                extra={"action": "outage", "room": self._name, "reason": str(error)},
            )

    def _end_outage(self, now: datetime) -> None:
        if self._outage_since is not None:
            seconds = (now - self._outage_since).total_seconds()
            self._outage_since = None
            logger.warning(
                "store available again",
                extra={"action": "outage_over", "room": self._name, "seconds": round(seconds, 3)},
            )

    def _isolate(self, letters: Sequence[Letter], error: Exception, now: datetime) -> None:
        """Find the letter that cannot be stored, by a bug or because the replica is wrong."""
        logger.error("a commit failed", exc_info=error, extra={"room": self._name})
        self._stale = self._suspect = True
        if len(letters) == 1:
            letters[0].fail(error)
        elif letters:
            self._mailbox.put_back(letters)
        else:
            self._grace_until = now + timedelta(seconds=RETRY_SECONDS)
