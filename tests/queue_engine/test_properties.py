"""Random nights: whatever people, the network and operators do, the house keeps its invariants.

That undo is exact, that a refusal changes nothing and that the stream rebuilds the room is checked
on every command by :class:`Evening` itself.
"""

import contextlib
import itertools
import json
from datetime import timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from queue_engine.commands import PassTime
from queue_engine.game_clock import next_deadline, stands_still
from queue_engine.house import HouseRules
from queue_engine.items import Committed
from queue_engine.model import Marker, Status
from queue_engine.refusals import Refusal
from server.rooms.view import View
from storage.contract import RoomName
from tests.queue_engine.evening import Evening

MICROSECOND = timedelta(microseconds=1)

NAMES = [f"{letter}{number}" for letter in "ab" for number in range(5)]
NAME = st.sampled_from(NAMES)

HOUSES = st.builds(
    HouseRules,
    resume_seconds=st.sampled_from([0, 10, 60]),
    seat_seconds=st.sampled_from([0, 5, 15]),
    move_seconds=st.sampled_from([0, 2, 30]),
    idle_seconds=st.sampled_from([0, 5, 100]),
    max_streak=st.sampled_from([0, 1, 2, 3]),
)

DEEDS = st.one_of(
    st.tuples(st.just("enter"), NAME, st.sampled_from(["v1", "seed", "watch"])),
    st.tuples(st.sampled_from(["vanish", "go", "come_back", "join_line", "leave_line"]), NAME),
    st.tuples(st.just("rename"), NAME, st.sampled_from(["Ann", "Bob"])),
    st.tuples(st.just("move"), NAME, st.integers(0, 8)),
    st.tuples(st.just("moves"), st.integers(0, 8)),
    st.tuples(st.just("moves"), st.integers(0, 8)),
    st.tuples(st.just("report"), NAME, NAME, st.sampled_from([None, None, 1, 2])),
    st.tuples(st.just("wait"), st.sampled_from([0, 0.5, 1, 3, 6, 20, 70])),
    st.tuples(st.just("clock_back"), st.sampled_from([1, 3600])),
    st.tuples(st.just("hold"), st.sampled_from([1, 30])),
    st.tuples(st.just("restart")),
    st.tuples(st.just("delete"), NAME),
    st.tuples(st.just("delete_game")),
    st.tuples(st.just("insert"), NAME),
    st.tuples(st.just("speak_late"), NAME, st.integers(0, 8)),
)


def do(evening: Evening, deed: tuple[object, ...]) -> None:
    match deed:
        case ("enter", str(name), kind):
            if name not in evening.room.users:
                evening.enter(name, seed=kind == "seed", watch=kind == "watch")
        case ("come_back", str(name)):
            if f"{name} again" not in evening.room.users:
                evening.come_back(name)
        case ("moves", int(cell)):
            if evening.room.game is not None and evening.room.game.turn is not None:
                evening.moves(cell)
        case ("clock_back", int(seconds)):
            evening.tick(-seconds)
            evening.play(PassTime())
        case ("insert", str(name)):
            if name not in evening.room.users:
                latest = evening.room.latest_joined_at
                evening.insert(name, joined_at=max(evening.now, latest + MICROSECOND))
        case ("speak_late", str(name), int(cell)):
            connection_id, generation = evening.socket(name)
            evening.disconnect((connection_id, generation - 1))
            evening.move_from((connection_id, generation - 1), cell)
        case (str(verb), *rest):
            getattr(evening, verb)(*rest)


def check(evening: Evening) -> None:
    room, users = evening.room, list(evening.room.users.values())
    active = [user for user in users if user.status is Status.ACTIVE]
    assert len(active) <= 2
    assert len({user.marker for user in active}) == len(active)
    assert all((user.status is Status.ACTIVE) == (user.marker is not None) for user in users)
    waiting = [user for user in users if user.status is Status.INACTIVE and user.present]
    assert len(active) == 2 or not waiting, "no free seat while someone present waits"
    assert len({user.joined_at for user in users}) == len(users)
    assert room.line == sorted(room.line)
    playing = room.game is not None and room.game.playing
    assert playing == (len(active) == 2)
    if playing:
        assert room.game is not None
        assert (room.game.x_id, room.game.o_id) == (room.seats[Marker.X], room.seats[Marker.O])
        timed = evening.house.move_seconds > 0 and any(user.resumable for user in active)
        stands = stands_still(room, room.game, evening.house, evening.now)
        assert (room.game.deadline is not None) == (timed and not stands)
        assert not stands or not all(user.present for user in active)
    assert all((user.seat_until is None) or user.marker is not None for user in users)
    assert all(user.streak == 0 or user.marker is not None for user in users)
    assert room.users or room.game is None


def check_nothing_is_overdue(evening: Evening) -> None:
    deadline = next_deadline(evening.room, evening.house)
    assert deadline is None or deadline > evening.now


@settings(max_examples=250, deadline=None, derandomize=True)
@given(house=HOUSES, deeds=st.lists(DEEDS, max_size=60))
def test_random_nights_keep_the_invariants(
    house: HouseRules, deeds: list[tuple[object, ...]]
) -> None:
    evening = Evening(house)
    evening.enter("a0", "b0", "a1")
    for deed in deeds:
        places = {user.joined_at for user in evening.room.users.values()}
        with contextlib.suppress(Refusal):
            do(evening, deed)
        check(evening)
        entered = {user.joined_at for user in evening.room.users.values()} - places
        assert all(new > old for new in entered for old in places), "nobody overtakes"
        if deed[0] == "wait":
            check_nothing_is_overdue(evening)
    evening.play(PassTime())
    check_nothing_is_overdue(evening)
    check(evening)


class Client:
    """What a v1 client knows: a snapshot, and every delta since."""

    def __init__(self) -> None:
        self.users: dict[str, Any] = {}
        self.counts = (0, 0)

    def read(self, frame: bytes) -> None:
        message = json.loads(frame[frame.index(b"{") :])
        self.counts = (message["waiting"], message["spectators"])
        if message["action"] == "queueUpdate":
            self.users = {user["connectionId"]: user for user in message["data"]}
            assert [user["joinedAt"] for user in message["data"]] == sorted(
                user["joinedAt"] for user in message["data"]
            )
        for connection_id in message.get("remove", ()):
            del self.users[connection_id]
        self.users |= {user["connectionId"]: user for user in message.get("upsert", ())}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    crowd=st.sampled_from([0, 97, 110]),
    deeds=st.lists(st.tuples(DEEDS, st.booleans()), max_size=40),
)
def test_snapshot_plus_deltas_equals_a_fresh_snapshot(
    crowd: int, deeds: list[tuple[tuple[object, ...], bool]]
) -> None:
    evening, view, old = Evening(), View("lobby"), Client()
    view.watch()
    evening.enter(*(f"c{number}" for number in range(crowd)))
    for number, (deed, announce) in enumerate([(("wait", 0), True), *deeds]):
        with contextlib.suppress(Refusal):
            do(evening, deed)
        if announce:  # else several commands make one batch
            changes = tuple(evening.take_changes())
            news = view.take_in([Committed(RoomName("lobby"), number, changes)])
            if news.delta is not None:
                old.read(news.delta)
            newcomer = Client()
            newcomer.read(view.snapshot())
            assert (old.users, old.counts) == (newcomer.users, newcomer.counts)
            assert len(old.users) <= 102


DISTURBANCES = st.one_of(
    st.tuples(st.sampled_from(["vanish", "come_back"]), st.sampled_from(["x", "o"])),
    st.tuples(st.just("live"), st.sampled_from([0.05, 1, 4.95, 14.5, 29.9])),
    st.tuples(st.just("moves"), st.just("")),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seat_seconds=st.sampled_from([0, 5, 15]),
    move_seconds=st.sampled_from([2, 30]),
    deeds=st.lists(DISTURBANCES, min_size=2, max_size=8),
)
@example(15, 30, [("vanish", "x"), ("live", 14.5), ("come_back", "x"), ("moves", "")])
@example(15, 30, [("vanish", "x"), ("live", 0.05), ("come_back", "x"), ("live", 4.95)])
@example(15, 30, [("vanish", "o"), ("live", 0.05), ("come_back", "o"), ("live", 4.95)])
def test_game_with_a_clock_ends_in_time_whatever_its_players_do(
    seat_seconds: float, move_seconds: float, deeds: list[tuple[str, Any]]
) -> None:
    evening = Evening(HouseRules(seat_seconds=seat_seconds, move_seconds=move_seconds))
    evening.enter("x", "o", "next")
    began, moves = evening.now, 0
    for verb, what in itertools.chain.from_iterable(itertools.repeat([*deeds, ("live", 0.05)])):
        with contextlib.suppress(Refusal):
            match verb:
                case "moves":
                    evening.moves(evening.game.position.board.index("."))
                    moves += 1
                case "vanish" | "come_back" if evening.user(what).present != (verb == "vanish"):
                    pass
                case _:
                    getattr(evening, verb)(what)
        if evening.games:
            break
        # Each player stops it for twice the time of a seat, each move has its time and overtime.
        longest = 2 * 2 * seat_seconds + (moves + 1) * (move_seconds + min(5, move_seconds))
        assert (evening.now - began).total_seconds() <= longest
    check(evening)
