"""Games without a clock that do not go on: they end for those who wait (`--idle-seconds`)."""

import pytest

from queue_engine.house import HouseRules
from queue_engine.refusals import NotNow
from tests.queue_engine.evening import Evening, be_away, evening_with

NO_CLOCK = HouseRules(move_seconds=0)
IDLE = NO_CLOCK.idle_seconds
# One absence is waited for besides.
PATIENCE = IDLE + NO_CLOCK.resume_seconds
DAY = 24 * 3600


def test_players_without_a_clock_make_way_for_who_has_waited_long_enough() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.wait(DAY)
    assert evening.seats == "ann bob", "nobody waits"
    evening.enter("cat")
    evening.wait(IDLE - 1)
    evening.enter("dan")
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)
    assert (evening.seats, evening.line) == ("cat dan", "bob ann")


@pytest.mark.parametrize("house", [NO_CLOCK, None], ids=["no clock", "seed clients"])
def test_move_is_a_sign_of_life(house: HouseRules | None) -> None:
    evening = evening_with("ann", "bob", "cat", house=house, seed=house is None)
    evening.wait(IDLE - 1)
    evening.move("ann", 4)
    evening.wait(IDLE - 1)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


def test_next_game_has_its_own_time() -> None:
    evening = evening_with("ann", "bob", "cat", seed=True)
    evening.wait(IDLE - 1)
    evening.report("ann", "bob")
    evening.wait(IDLE - 1)
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
    evening.come_back("cat")
    evening.wait(IDLE - 1)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


def test_two_without_a_clock_who_take_turns_being_away_stop_nobody_for_long() -> None:
    evening = evening_with("ann", "bob", "cat", house=NO_CLOCK)
    began = evening.now
    evening.vanish("ann")
    away, here = "ann", "bob"
    while not evening.games:
        evening.wait(10)
        if evening.games:
            break
        evening.vanish(here)
        evening.wait(2)
        if not evening.games:
            evening.come_back(away)
            away, here = here, away
        assert (evening.now - began).total_seconds() < PATIENCE + 60
    assert evening.last_result == ("abandoned", None)
    assert "cat" in evening.seats


def test_moves_are_taken_once_a_player_was_away_for_long_enough() -> None:
    evening = evening_with("ann", "bob", house=NO_CLOCK)
    be_away(evening, "bob", 29.9)
    evening.vanish("bob")
    with pytest.raises(NotNow, match="absent"):
        evening.move("ann", 4)
    evening.wait(0.1)
    evening.move("ann", 4)
    assert evening.game.position.board == "....X...."


def test_first_in_line_forgives_no_absence() -> None:
    evening = evening_with("ann", "bob", house=NO_CLOCK)
    be_away(evening, "bob", 20)
    evening.vanish("bob")
    evening.wait(5)
    evening.enter("cat")
    evening.wait(5)
    evening.move("ann", 4)
    assert evening.game.position.board == "....X...."


def test_restart_gives_the_whole_time_again() -> None:
    evening = evening_with("ann", "bob", "cat", house=NO_CLOCK)
    evening.tick(DAY)
    evening.restart()
    evening.come_back("cat", "ann", "bob")
    evening.wait(IDLE - 1)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


def test_time_in_which_the_store_is_down_does_not_count() -> None:
    evening = evening_with("ann", "bob", house=NO_CLOCK)
    evening.wait(1000)
    evening.enter("cat")
    evening.wait(100)
    evening.hold(DAY)
    evening.wait(IDLE - 101)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("abandoned", None)


def test_line_that_is_ahead_of_time_changes_nothing() -> None:
    evening = evening_with("ann", "bob", house=NO_CLOCK)
    evening.tick(DAY)
    evening.enter("cat")
    evening.tick(-DAY)
    evening.restart()
    evening.come_back("ann", "bob", "cat")
    evening.enter("dan")
    evening.wait(IDLE)
    assert evening.last_result == ("abandoned", None)


@pytest.mark.parametrize("idle_seconds", [0, 1e-7])
def test_less_than_can_be_measured_is_for_ever(idle_seconds: float) -> None:
    evening = Evening(HouseRules(move_seconds=0, idle_seconds=idle_seconds))
    evening.enter("ann", "bob", "cat")
    for _ in range(100):
        evening.vanish("bob")
        evening.wait(14)
        evening.come_back("bob")
    assert evening.seats == "ann bob"
