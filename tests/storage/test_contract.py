"""What every store has to keep of what the contract says."""

import asyncio

import pytest

from storage import masked, open_store
from storage.contract import (
    Conflict,
    RoomName,
    Store,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
)
from tests.storage.conftest import OpenStore
from tests.storage.items import (
    ANNEX,
    DEADLINE,
    LOBBY,
    game,
    insert,
    modify,
    next_batch,
    next_changes,
    remove,
    seated,
    user,
)


async def test_empty_room_has_no_items(store: Store) -> None:
    snapshot = await store.load(LOBBY)
    assert (list(snapshot.users), snapshot.game) == ([], None)
    assert await store.rooms() == []


async def test_load_returns_what_was_committed_in_line_order(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(n)) for n in (3, 1, 2)])
    await store.commit(LOBBY, sequence, [insert(game())])
    snapshot = await store.load(LOBBY)
    assert list(snapshot.users) == [user(1), user(2), user(3)]
    assert snapshot.game == game()


async def test_load_returns_only_the_room(store: Store) -> None:
    await store.commit(LOBBY, 0, [insert(user(1)), insert(game())])
    await store.commit(ANNEX, 0, [insert(user(2, room=ANNEX))])
    snapshot = await store.load(ANNEX)
    assert list(snapshot.users) == [user(2, room=ANNEX)]
    assert snapshot.game is None


async def test_values_come_back_as_they_were(store: Store) -> None:
    odd = user(1, username='Zoë "O\'Hara" 🦦\\', streak=7, resumable=0, generation=3)
    played = game(moves="0,1,8", kind="connect-four", time_left=12.345678, number=2**40)
    await store.load(LOBBY)
    stream = store.stream()
    await store.commit(LOBBY, 0, [insert(odd), insert(played)])
    assert await next_changes(stream, 2) == [insert(odd), insert(played)]
    snapshot = await store.load(LOBBY)
    assert (list(snapshot.users), snapshot.game) == ([odd], played)


async def test_stream_yields_own_commits_as_they_were_made(store: Store) -> None:
    await store.load(LOBBY)
    stream = store.stream()
    changes = [insert(user(1)), modify(user(1), username="Ada"), remove(user(1, username="Ada"))]
    sequence = await store.commit(LOBBY, 0, changes)
    batch = await next_batch(stream)
    assert (batch.room, batch.sequence, list(batch.changes)) == (LOBBY, sequence, changes)


async def test_stream_opens_with_the_items_that_were_loaded(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(2)), insert(user(1)), insert(game())])
    snapshot = await store.load(LOBBY)
    stream = store.stream()
    opening = await next_batch(stream)
    assert (opening.sequence, opening.whole) == (snapshot.sequence, True)
    assert list(opening.changes) == [insert(user(1)), insert(user(2)), insert(game())]
    await store.commit(LOBBY, sequence, [remove(user(1))])
    assert await next_changes(stream, 1) == [remove(user(1))]


async def test_room_can_be_loaded_while_the_stream_is_read(store: Store) -> None:
    stream = store.stream()
    waiting = asyncio.create_task(next_batch(stream))
    await store.commit(LOBBY, 0, [insert(user(1))])
    await store.load(LOBBY)
    assert list((await waiting).changes) == [insert(user(1))]


async def test_loading_at_any_moment_neither_loses_nor_repeats_a_change(store: Store) -> None:
    """Rooms are loaded while others write to them: stream and snapshot must join."""
    rooms = [RoomName(f"room-{number}") for number in range(8)]
    stream = store.stream()

    async def write(room: RoomName) -> None:
        sequence = 0
        for number in range(12):
            name = user(number, room=room, connection_id=f"{room}-{number}")
            sequence = await store.commit(room, sequence, [insert(name)])

    async def load(turns: int, room: RoomName) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await store.load(room)

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(next_changes(stream, 12 * len(rooms)))
        for turns, room in enumerate(rooms):
            tasks.create_task(write(room))
            tasks.create_task(load(turns * 40, room))
    told: dict[str, list[str]] = {room: [] for room in rooms}
    for change in reading.result():
        assert change.new_image is not None
        told[str(change.new_image["room"])].append(str(change.new_image["connection_id"]))
    assert told == {room: [f"{room}-{number}" for number in range(12)] for room in rooms}


async def test_loading_again_begins_the_stream_anew(store: Store) -> None:
    await store.load(LOBBY)
    stream = store.stream()
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    await next_changes(stream, 1)
    await store.commit(LOBBY, sequence, [insert(user(2))])
    await store.load(LOBBY)
    assert await next_changes(stream, 2) == [insert(user(1)), insert(user(2))]


async def test_loading_a_room_again_that_has_become_empty_says_so(store: Store) -> None:
    await store.load(LOBBY)
    stream = store.stream()
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    assert not (await next_batch(stream)).whole
    sequence = await store.commit(LOBBY, sequence, [remove(user(1))])
    await store.load(LOBBY)
    batch = await next_batch(stream)
    assert (batch.whole, batch.changes, batch.sequence) == (True, (), sequence)


async def test_loading_again_withdraws_an_opening_that_is_outdated(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    await store.load(LOBBY)
    sequence = await store.commit(LOBBY, sequence, [remove(user(1))])
    await store.load(LOBBY)
    await store.commit(LOBBY, sequence, [insert(user(2))])
    assert await next_changes(store.stream(), 1) == [insert(user(2))]


async def test_only_followed_rooms_are_in_the_stream(store: Store) -> None:
    await store.load(LOBBY)
    await store.load(ANNEX)
    stream = store.stream()
    await store.forget(LOBBY)
    await store.commit(LOBBY, 0, [insert(user(1))])
    await store.commit(ANNEX, 0, [insert(user(2, room=ANNEX))])
    assert (await next_batch(stream)).room == ANNEX


async def test_room_forgotten_before_its_opening_is_not_in_the_stream(store: Store) -> None:
    await store.commit(LOBBY, 0, [insert(user(1))])
    await store.commit(ANNEX, 0, [insert(user(2, room=ANNEX))])
    await store.load(LOBBY)
    await store.load(ANNEX)
    await store.forget(LOBBY)
    assert (await next_batch(store.stream())).room == ANNEX


async def test_forgetting_an_unknown_room_is_harmless(store: Store) -> None:
    await store.forget(LOBBY)


async def test_stream_goes_on_where_its_last_reader_stopped(store: Store) -> None:
    await store.load(LOBBY)
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    assert await next_changes(store.stream(), 1) == [insert(user(1))]
    await store.commit(LOBBY, sequence, [insert(user(2))])
    assert await next_changes(store.stream(), 1) == [insert(user(2))]


async def test_large_commit_comes_whole_and_in_order(store: Store) -> None:
    await store.load(LOBBY)
    changes = [insert(user(number)) for number in range(2500)]
    await store.commit(LOBBY, 0, changes)
    assert await next_changes(store.stream(), 2500) == changes


async def test_sequences_grow(store: Store) -> None:
    first = await store.commit(LOBBY, 0, [insert(user(1))])
    second = await store.commit(LOBBY, first, [insert(user(2)), insert(user(3))])
    other = await store.commit(ANNEX, 0, [insert(user(4, room=ANNEX))])
    snapshot = await store.load(LOBBY)
    assert 0 < first < second < other <= snapshot.sequence


async def test_commit_from_an_outdated_sequence_is_refused_whole(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    with pytest.raises(Conflict):
        await store.commit(LOBBY, 0, [insert(user(2)), remove(user(1))])
    assert list((await store.load(LOBBY)).users) == [user(1)]
    await store.commit(LOBBY, sequence, [insert(user(2)), remove(user(1))])


async def test_other_rooms_do_not_conflict(store: Store) -> None:
    lobby, annex = await store.load(LOBBY), await store.load(ANNEX)
    await store.commit(ANNEX, annex.sequence, [insert(user(2, room=ANNEX))])
    await store.commit(LOBBY, lobby.sequence, [insert(user(1))])


async def test_of_two_commits_from_one_sequence_one_is_stored(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    outcomes = await asyncio.gather(
        *(
            store.commit(LOBBY, sequence, [modify(user(1), username=name)])
            for name in ("Ada", "Bob", "Cem")
        ),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Conflict", "int"]


async def test_nothing_to_commit_is_no_change(store: Store) -> None:
    assert await store.commit(LOBBY, 0, []) == 0
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    assert await store.commit(LOBBY, sequence, []) == sequence


async def test_marks_change_hands_within_a_commit(store: Store) -> None:
    x, o = seated(1, "X"), seated(2, "O")
    sequence = await store.commit(LOBBY, 0, [insert(x), insert(o), insert(game())])
    waits = user(1, streak=0, joined_at="2026-11-22T23:00:00.000000+00:00")
    await store.commit(
        LOBBY,
        sequence,
        [
            modify(x, **waits),
            modify(o, marker="X"),
            modify(waits, status="active", marker="O"),
            remove(game()),
            insert(game(number=2, x_id="c-0002", o_id="c-0001")),
        ],
    )
    snapshot = await store.load(LOBBY)
    assert {u["connection_id"]: u["marker"] for u in snapshot.users} == {
        "c-0001": "O",
        "c-0002": "X",
    }
    assert snapshot.game is not None
    assert snapshot.game["number"] == 2


IMPOSSIBLE = {
    "second X": insert(seated(9, "X")),
    "same user again": insert(user(1)),
    "same game again": insert(game()),
    "modify nobody": modify(user(8), username="nobody"),
    "remove nobody": remove(user(8)),
    "remove from another room": remove(user(1, room=ANNEX)),
    "marker without a seat": insert(user(9, marker="O")),
    "seat without a marker": insert(user(9, status="active")),
}


async def test_impossible_change_undoes_its_whole_commit(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(seated(1, "X")), insert(game())])
    for why, impossible in IMPOSSIBLE.items():
        with pytest.raises(StoreError) as raised:
            await store.commit(LOBBY, sequence, [insert(user(2)), impossible, insert(user(3))])
        assert type(raised.value) is StoreError, f"{why}: neither waiting nor catching up mends it"
        snapshot = await store.load(LOBBY)
        assert list(snapshot.users) == [seated(1, "X")], why
        assert snapshot.sequence == sequence, f"{why}: the stream is undone too"


async def test_rooms_are_those_with_an_item(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1)), insert(user(2))])
    await store.commit(ANNEX, 0, [insert(game(room=ANNEX))])
    assert sorted(await store.rooms()) == [ANNEX, LOBBY]
    await store.commit(LOBBY, sequence, [remove(user(1)), remove(user(2))])
    assert await store.rooms() == [ANNEX]


async def test_what_was_committed_is_there_after_a_restart(
    store: Store, open_again: OpenStore
) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1)), insert(game())])
    await store.close()
    again = await open_again()
    snapshot = await again.load(LOBBY)
    assert (list(snapshot.users), snapshot.game) == ([user(1)], game())
    assert snapshot.sequence == sequence
    assert await again.commit(LOBBY, sequence, [remove(user(1))]) > sequence


async def test_stream_after_a_restart_begins_with_the_snapshot(
    store: Store, open_again: OpenStore
) -> None:
    await store.commit(LOBBY, 0, [insert(user(1)), modify(user(1), username="Ada")])
    await store.close()
    again = await open_again()
    await again.load(LOBBY)
    assert await next_changes(again.stream(), 1) == [insert(user(1, username="Ada"))]


async def test_ping_and_probe_answer(store: Store) -> None:
    await store.ping()
    await store.probe()


async def test_probe_stores_nothing(store: Store) -> None:
    await store.load(LOBBY)
    await store.probe()
    await store.commit(LOBBY, 0, [insert(user(1))])
    assert await next_changes(store.stream(), 1) == [insert(user(1))]


async def test_close_ends_the_stream_and_may_be_repeated(store: Store) -> None:
    await store.load(LOBBY)
    stream = store.stream()
    waiting = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    await store.close()
    async with asyncio.timeout(DEADLINE):
        assert await waiting is None
    assert [batch async for batch in store.stream()] == []


async def test_close_lets_a_running_commit_finish(store: Store, open_again: OpenStore) -> None:
    commit = asyncio.create_task(store.commit(LOBBY, 0, [insert(user(1))]))
    for _ in range(4):
        await asyncio.sleep(0)
    await store.close()
    await commit
    assert list((await (await open_again()).load(LOBBY)).users) == [user(1)]


async def test_closed_store_is_unavailable(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.commit(LOBBY, 0, [insert(user(1))])
    with pytest.raises(StoreUnavailable):
        await store.load(LOBBY)
    with pytest.raises(StoreUnavailable):
        await store.rooms()
    with pytest.raises(StoreUnavailable):
        await store.ping()
    with pytest.raises(StoreUnavailable):
        await store.probe()


async def test_cancelled_commit_is_stored_whole_or_not_at_all(store: Store) -> None:
    """Wherever it is cancelled, and however often, what comes next finds a store that works."""
    for patience in (0, 1, 2, 4, 8, 16, 32, 64):
        room = RoomName(f"room-{patience}")
        ada, bob = (user(n, room=room, connection_id=f"{room}-{n}") for n in (1, 2))
        changes = [insert(ada), modify(ada, username="Ada"), insert(bob)]
        commit = asyncio.create_task(store.commit(room, 0, changes))
        for _ in range(patience):
            await asyncio.sleep(0)
        commit.cancel()
        await asyncio.sleep(0)
        commit.cancel()
        await asyncio.wait([commit])
        snapshot = await store.load(room)
        assert list(snapshot.users) in ([], [{**ada, "username": "Ada"}, bob])
        last = user(3, room=room, connection_id=f"{room}-3")
        await store.commit(room, snapshot.sequence, [insert(last)])


async def test_cancelled_load_follows_nothing(store: Store) -> None:
    rooms = [RoomName(f"room-{patience}") for patience in (0, 2, 8, 16)]
    for number, room in enumerate(rooms):
        await store.commit(room, 0, [insert(user(number, room=room))])
    for room in rooms:
        load = asyncio.create_task(store.load(room))
        for _ in range(int(room.removeprefix("room-"))):
            await asyncio.sleep(0)
        load.cancel()
        await asyncio.wait([load])
        if not load.cancelled():
            await store.forget(room)
    await store.load(ANNEX)
    await store.commit(ANNEX, 0, [insert(user(9, room=ANNEX))])
    assert (await next_batch(store.stream())).room == ANNEX


@pytest.mark.parametrize("url", ["dynamodb://eu-west-1", "sqlite:lobby.db", "sqlite:///", "", "x"])
async def test_unknown_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(StoreUnusable) as raised:
        await open_store(url)
    assert str(raised.value).startswith(url)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("valkey://ann:s3cret@host:6379/0", "valkey://ann:***@host:6379/0"),
        ("valkey://:s3cret@host", "valkey://:***@host"),
        ("valkey://ann:s3/c@ret@host", "valkey://ann:***@host"),
        ("valkey://host/0?password=s3cret&db=1", "valkey://host/0?password=***&db=1"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("valkey://ann@host", "valkey://ann@host"),
    ],
)
async def test_password_of_an_url_is_not_shown(url: str, shown: str) -> None:
    assert masked(url) == shown
    if not url.startswith("sqlite"):
        with pytest.raises(StoreUnusable) as raised:
            await open_store(url)
        assert str(raised.value).startswith(shown)
        assert "s3" not in str(raised.value)


async def test_what_is_refused_of_one_room_costs_no_other(store: Store) -> None:
    rooms = [RoomName(f"room-{number}") for number in range(20)]
    held = await store.commit(rooms[3], 0, [insert(user(3, room=rooms[3]))])
    outcomes = await asyncio.gather(
        *(
            store.commit(room, 0, [insert(user(number, room=room))])
            for number, room in enumerate(rooms)
        ),
        store.commit(rooms[3], held, [remove(user(99, room=rooms[3]))]),
        store.commit(rooms[3], held, [insert(user(30, room=rooms[3], streak=2**70))]),
        store.commit(rooms[3], held, [insert(user(31, room=rooms[3]))]),
        return_exceptions=True,
    )
    assert isinstance(outcomes.pop(3), Conflict)
    impossible, too_large, last = outcomes[-3:]
    assert type(impossible) is StoreError
    assert isinstance(too_large, Exception)
    assert isinstance(last, int)
    assert all(isinstance(outcome, int) for outcome in outcomes[:-3])
    for number, room in enumerate(rooms):
        users = (await store.load(room)).users
        expected = [user(number, room=room)]
        if number == 3:
            expected.append(user(31, room=room))
        assert list(users) == expected


async def test_loading_again_tells_of_what_is_gone(store: Store) -> None:
    sequence = await store.commit(LOBBY, 0, [insert(user(1))])
    await store.load(LOBBY)
    stream = store.stream()
    assert (await next_batch(stream)).whole
    await store.commit(LOBBY, sequence, [remove(user(1))])
    await store.load(LOBBY)
    while not (batch := await next_batch(stream)).whole:
        pass
    assert batch.changes == ()
