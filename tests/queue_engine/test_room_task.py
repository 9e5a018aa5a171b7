"""A room's task: batches, conflicts, outages, stalls, and what it does about our own bugs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from queue_engine import room_task
from queue_engine.changes import Change
from queue_engine.commands import Command, Disconnect, Rename
from queue_engine.house import HouseRules
from queue_engine.items import to_item_change, user_item
from queue_engine.model import ConnectionId, GameStatus, Marker, Room, Status
from queue_engine.rules import play
from storage.contract import EventName, ItemChange, RoomUnreadable, StoreUnavailable, Table
from tests.queue_engine.lab import DEADLINE, LOBBY, Lab, open_lab

ANN, BOB = ConnectionId("ann"), ConnectionId("bob")


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab


def edit(lab: Lab, name: str, **columns: str | int) -> None:
    """Change a row by other hands."""
    old = lab.store.disk.items[Table.USERS, name]
    lab.store.edit(LOBBY, ItemChange(EventName.MODIFY, Table.USERS, old, {**old, **columns}))


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("queue_engine")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


async def test_commands_that_wait_are_stored_at_once(lab: Lab) -> None:
    await lab.enter("ann")
    await asyncio.gather(*(lab.enter(f"guest-{number}") for number in range(20)))
    assert sum(lab.meter.batches) == 21
    assert len(lab.meter.batches) < 21


async def test_batch_that_met_a_foreign_change_is_played_again_after_it(lab: Lab) -> None:
    await lab.enter("ann")
    lab.store.hold_stream()
    edit(lab, "ann", streak=7)
    asking = asyncio.create_task(lab.play(Rename(ANN, 0, "Annie")))
    async with asyncio.timeout(DEADLINE):
        await lab.meter.conflict.wait()
    lab.store.hold_stream(False)
    await asking
    ann = lab.user("ann")
    assert ann is not None
    assert (ann.username, ann.streak) == ("Annie", 7)


async def test_conflict_whose_cause_never_comes_loads_the_room_anew(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_task, "CATCH_UP_SECONDS", 0.05)
    await lab.enter("ann")
    lab.store.hold_stream()
    edit(lab, "ann", streak=7)
    await lab.play(Rename(ANN, 0, "Annie"))
    ann = lab.user("ann")
    assert ann is not None
    assert (ann.username, ann.streak) == ("Annie", 7)


async def test_outage_refuses_commands_and_logs_its_cause_and_its_end_once(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    await lab.enter("ann")
    lab.store.outage = "the disk is full"
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await lab.play(Rename(ANN, 0, "Annie"))
    lab.store.outage = None
    await lab.play(Rename(ANN, 0, "Annie"))
    assert events(caplog) == ["store unavailable", "store available again"]
    assert [r.reason for r in caplog.records if hasattr(r, "reason")] == ["the disk is full"]


async def test_outage_is_no_time_for_anybody(lab: Lab) -> None:
    await lab.enter("ann")
    await lab.enter("bob")
    before = lab.game.deadline
    lab.store.outage = "the disk is full"
    with pytest.raises(StoreUnavailable):
        await lab.play(Rename(ANN, 0, "Annie"))
    lab.wait(3600)
    lab.store.outage = None
    await lab.play(Rename(ANN, 0, "Annie"))
    assert before is not None
    assert (lab.game.number, lab.game.deadline) == (1, before + timedelta(seconds=3600))


async def test_lost_sockets_of_an_outage_are_absences_afterwards(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_task, "RETRY_SECONDS", 0.01)
    await lab.enter("ann")
    lab.store.outage = "the disk is full"
    vanishing = asyncio.create_task(lab.vanish("ann"))
    with pytest.raises(StoreUnavailable):
        await lab.play(Rename(ANN, 0, "Annie"))
    assert not vanishing.done()
    lab.store.outage = None
    await vanishing
    ann = lab.user("ann")
    assert ann is not None
    assert not ann.present


async def test_crowd_lost_in_an_outage_is_played_once_and_not_at_each_retry(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_task, "RETRY_SECONDS", 0.01)
    crowd = [f"guest-{number}" for number in range(300)]
    await asyncio.gather(*map(lab.enter, crowd))
    played = 0

    def count(room: Room, command: Command, now: datetime, house: HouseRules) -> tuple[Change, ...]:
        nonlocal played
        played += 1
        return play(room, command, now, house)

    monkeypatch.setattr(room_task, "play", count)
    lab.store.outage = "the disk is full"
    with pytest.raises(StoreUnavailable):
        await lab.enter("too late")
    played = 0
    vanishing = [asyncio.create_task(lab.vanish(name)) for name in crowd]
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await lab.enter("too late")
    assert played == 0
    lab.store.outage = None
    await asyncio.gather(*vanishing)
    assert len(crowd) <= played < 2 * len(crowd)


async def test_closing_during_an_outage_does_not_wait_for_its_end(lab: Lab) -> None:
    await lab.enter("ann")
    lab.store.outage = "the disk is full"
    with pytest.raises(StoreUnavailable):
        await lab.play(Rename(ANN, 0, "Annie"))
    vanishing = asyncio.create_task(lab.vanish("ann"))
    lab.room.close()
    async with asyncio.timeout(DEADLINE):
        await lab.ended.wait()
        with pytest.raises(StoreUnavailable, match="closed"):
            await vanishing


async def test_move_that_came_in_time_but_was_read_late_still_counts(lab: Lab) -> None:
    await lab.enter("ann")
    await lab.enter("bob")
    lab.wait(30 + 60)  # the process stood still
    await lab.move("ann", 4)
    assert lab.game.status is GameStatus.PLAYING
    assert lab.game.turn is Marker.O


async def test_time_passes_after_a_stall_all_the_same(lab: Lab) -> None:
    await lab.enter("ann")
    await lab.enter("bob")
    lab.wait(30 + 60)
    await lab.play(Rename(ANN, 0, "Annie"))
    assert lab.game.number == 1
    lab.wait(room_task.STALL_SECONDS)
    await lab.play(Rename(ANN, 0, "Ann"))
    assert lab.game.number == 2


async def test_row_inserted_by_other_hands_is_absent(lab: Lab) -> None:
    await lab.enter("ann")
    row = {**lab.store.disk.items[Table.USERS, "ann"], "connection_id": "eve", "session_id": "e"}
    row |= {"status": "inactive", "marker": None, "seated_at": None}
    lab.store.edit(LOBBY, ItemChange(EventName.INSERT, Table.USERS, None, row))
    await lab.enter("bob")
    eve = lab.user("eve")
    assert eve is not None
    assert (eve.present, eve.status) == (False, Status.INACTIVE)
    assert lab.game.o_id == BOB


async def test_rule_that_fails_is_told_to_its_sender_alone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await lab.enter("ann")

    def fail(room: Room, command: Command, now: datetime, house: HouseRules) -> tuple[Change, ...]:
        if isinstance(command, Rename):
            raise ZeroDivisionError("a bug")
        return play(room, command, now, house)

    monkeypatch.setattr(room_task, "play", fail)
    failing = asyncio.create_task(lab.play(Rename(ANN, 0, "Annie")))
    await lab.enter("bob")
    with pytest.raises(ZeroDivisionError):
        await failing
    assert events(caplog) == ["a command failed"]
    assert lab.user("bob") is not None


async def test_batch_that_cannot_be_stored_costs_its_culprit_alone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug makes one command write what the table does not admit: a second game."""
    await lab.enter("ann")
    await lab.enter("bob")

    def break_rename(room: str, change: Change) -> ItemChange:
        item = to_item_change(room, change)
        if item.new_image is not None and item.new_image.get("username") == "Annie":
            return ItemChange(EventName.INSERT, item.table, None, item.new_image)
        return item

    monkeypatch.setattr(room_task, "to_item_change", break_rename)
    outcomes = await asyncio.gather(
        lab.play(Rename(ANN, 0, "Annie")),
        lab.play(Rename(BOB, 0, "Bobby")),
        lab.enter("cleo"),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["StoreError", "Played", "Played"]
    ann, bob = lab.user("ann"), lab.user("bob")
    assert ann is not None
    assert bob is not None
    assert (ann.username, bob.username) == (None, "Bobby")
    assert "store unavailable" not in events(caplog)
    assert "a commit failed" in events(caplog)


async def test_record_that_cannot_be_read_loads_the_room_anew(lab: Lab) -> None:
    await lab.enter("ann")
    disk = lab.store.disk
    disk.items[Table.USERS, "ann"] = {**disk.items[Table.USERS, "ann"], "streak": 3}
    unreadable = ItemChange(EventName.INSERT, Table.USERS, None, {})
    disk.sequence += 1
    disk.sequences[LOBBY] = disk.sequence
    lab.store.tell(LOBBY, unreadable)
    await lab.play(Rename(ANN, 0, "Annie"))
    ann = lab.user("ann")
    assert ann is not None
    assert (ann.username, ann.streak) == ("Annie", 3)


async def test_room_that_cannot_be_read_ends_and_says_why(lab: Lab) -> None:
    await lab.enter("ann")
    edit(lab, "ann", joined_at="yesterday")
    async with asyncio.timeout(DEADLINE):
        await lab.broken.wait()
        await lab.ended.wait()
    assert "'ann'" in lab.why_broken


async def test_room_that_cannot_be_loaded_fails_those_who_come() -> None:
    async with open_lab() as lab:
        await lab.enter("ann")
        ann = lab.user("ann")
        assert ann is not None
        await lab.store.forget(LOBBY)
        lab.store.edit(
            LOBBY,
            ItemChange(
                EventName.MODIFY,
                Table.USERS,
                user_item(LOBBY, ann),
                {**user_item(LOBBY, ann), "joined_at": "yesterday"},
            ),
        )
        lab.room.reload()
        with pytest.raises(RoomUnreadable):
            await lab.enter("bob")


async def test_room_ends_when_nobody_is_left_and_that_is_announced(lab: Lab) -> None:
    await lab.enter("ann")
    await lab.play(Disconnect(ANN, 0, leaving=True))
    async with asyncio.timeout(DEADLINE):
        await lab.ended.wait()
    assert await lab.store.rooms() == []
