"""Games that do not go on while somebody waits: nobody holds a seat for ever."""

import pytest

from queue_engine.turn import HouseRules
from tests.queue_engine.evening import Evening, evening_with

NO_CLOCK = HouseRules(move_seconds=0)
DAY = 24 * 3600


def test_players_without_a_clock_make_way_for_who_has_waited_long_enough() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.wait(DAY)
    assert evening.seats == "ann bob", "nobody waits"
    evening.enter("cat")
    evening.wait(599)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)
    assert (evening.seats, evening.line) == ("cat bob", "ann")


@pytest.mark.parametrize("house", [NO_CLOCK, None], ids=["no clock", "a seed client"])
def test_move_is_a_sign_of_life(house: HouseRules | None) -> None:
    evening = evening_with("ann", house=house)
    evening.enter("bob", "cat", seed=house is None)
    evening.wait(599)
    evening.move("ann", 4)
    evening.wait(599)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


def test_next_game_has_its_own_time() -> None:
    evening = evening_with("ann", "bob", "cat", seed=True)
    evening.wait(599)
    evening.report("ann", "bob")
    evening.wait(599)
    assert evening.seats == "ann cat"
    evening.wait(1)
    assert evening.games[-1].number == 2
    assert evening.seats == "bob cat"


def test_absent_guest_is_not_kept_waiting() -> None:
    evening = evening_with(
        "ann", "bob", "cat", house=HouseRules(move_seconds=0, resume_seconds=DAY)
    )
    evening.vanish("cat")
    evening.wait(DAY / 2)
    assert evening.seats == "ann bob"


def test_who_vanishes_again_and_again_stops_nobody_for_long() -> None:
    evening = evening_with("ann", "bob", "cat")
    began = evening.now
    while not evening.games:
        evening.vanish("ann")
        evening.wait(14)
        evening.come_back("ann")
    assert evening.last_result == ("abandoned", "bob")
    assert evening.seats == "cat bob"
    assert (evening.now - began).total_seconds() < 620


def test_seat_is_held_for_as_long_as_is_promised() -> None:
    house = HouseRules(resume_seconds=DAY, seat_seconds=DAY / 2)
    evening = evening_with("ann", "bob", "cat", house=house)
    evening.vanish("ann")
    evening.wait(DAY / 2 - 1)
    evening.come_back("ann")
    assert evening.seats == "ann bob"
    evening.restart()
    evening.come_back("bob", "cat")
    evening.wait(DAY - 1)
    evening.come_back("ann")
    assert evening.seats == "ann bob"
    evening.moves(4)
    evening.vanish("ann")
    evening.wait(1)
    assert evening.seats == "ann bob"


def test_clock_that_runs_is_enough() -> None:
    evening = evening_with("ann", "bob", "cat", house=HouseRules(move_seconds=2000))
    evening.wait(1999)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("timeout", "bob")


def test_restart_gives_the_whole_time_again() -> None:
    evening = evening_with("ann", "bob", "cat", house=NO_CLOCK)
    evening.tick(DAY)
    evening.restart()
    evening.come_back("cat", "ann", "bob")
    evening.wait(599)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


def test_time_in_which_the_store_is_down_does_not_count() -> None:
    evening = evening_with("ann", "bob", "cat", house=NO_CLOCK)
    evening.wait(100)
    evening.hold(DAY)
    evening.wait(499)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


@pytest.mark.parametrize("idle_seconds", [0, 1e-7])
def test_less_than_can_be_measured_is_for_ever(idle_seconds: float) -> None:
    evening = Evening(HouseRules(move_seconds=0, idle_seconds=idle_seconds))
    evening.enter("ann", "bob", "cat")
    evening.wait(DAY)
    assert evening.seats == "ann bob"
