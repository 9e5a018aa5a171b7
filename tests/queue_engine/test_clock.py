"""The time to move, and what stops it (design, rules 5 and 11)."""

import pytest

from queue_engine.clock import next_deadline
from queue_engine.refusals import NotNow
from queue_engine.turn import HouseRules
from tests.queue_engine.evening import X_WINS, evening_with


def test_o_can_run_out_of_time_too() -> None:
    evening = evening_with("ann", "bob")
    evening.move("ann", 4)
    evening.wait(30)
    assert evening.last_result == ("timeout", "ann")


def test_move_that_is_played_before_time_passes_is_in_time() -> None:
    evening = evening_with("ann", "bob")
    evening.tick(31)
    evening.move("ann", 4)
    evening.wait(0)
    assert evening.game.board == "....X...."


def test_each_game_starts_the_clock_anew() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(20)
    evening.moves(*X_WINS)
    assert evening.seconds_to_move == 30


def test_no_clock_runs_for_less_than_it_can_measure() -> None:
    evening = evening_with("ann", "bob", house=HouseRules(move_seconds=1e-7))
    evening.wait(1)
    assert (evening.game.number, evening.game.deadline) == (1, None)


def test_return_leaves_no_more_than_move_seconds() -> None:
    evening = evening_with("ann", "bob", house=HouseRules(move_seconds=3))
    evening.wait(2)
    evening.vanish("ann")
    evening.come_back("ann")
    assert evening.seconds_to_move == 3


def test_overtime_is_given_once_a_move() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(28)
    evening.vanish("ann")
    evening.come_back("ann")
    assert evening.seconds_to_move == 5
    evening.wait(4)
    for _ in range(2):
        evening.vanish("ann")
        evening.come_back("ann")
        assert evening.seconds_to_move == 3
    evening.wait(2)
    # What the other stops is not charged.
    evening.vanish("bob")
    evening.wait(10)
    evening.come_back("bob")
    assert evening.seconds_to_move == 3
    evening.wait(2)
    evening.vanish("ann")
    evening.wait(10)
    evening.come_back("ann")
    assert evening.seconds_to_move == 1
    evening.wait(1)
    assert evening.last_result == ("timeout", "bob")


def test_restart_with_less_time_to_move_gives_no_more_than_that() -> None:
    evening = evening_with("ann", "bob", house=HouseRules(move_seconds=120))
    evening.wait(1)
    evening.vanish("ann")
    evening.house = HouseRules(move_seconds=10)
    evening.come_back("ann")
    evening.wait(4)
    evening.vanish("ann")
    evening.come_back("ann")
    assert evening.seconds_to_move == 6


def test_move_gives_overtime_back() -> None:
    evening = evening_with("ann", "bob")
    for cell, name in enumerate(("ann", "bob", "ann")):
        evening.wait(28)
        evening.vanish(name)
        evening.come_back(name)
        assert evening.seconds_to_move == 5
        evening.wait(4)
        evening.move(name, cell)


def test_clock_waits_for_both() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(10)
    evening.vanish("ann", "bob")
    evening.come_back("ann")
    assert evening.game.deadline is None
    evening.come_back("bob")
    assert evening.seconds_to_move == 20


def test_moving_after_a_return_starts_the_clock_anew() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(29)
    evening.vanish("ann")
    evening.come_back("ann")
    evening.move("ann", 4)
    assert evening.seconds_to_move == 30


def test_taking_a_seat_over_from_another_tab_moves_no_deadline() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(29)
    evening.come_back("ann")
    assert evening.seconds_to_move == 1


def test_clocks_stop_while_the_store_is_down() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(10)
    evening.hold(100)
    assert evening.seconds_to_move == 20


def test_seats_and_places_are_held_while_the_store_is_down() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("ann", "cat")
    evening.hold(100)
    evening.wait(14)
    assert evening.seats == "ann bob"
    evening.wait(45)
    assert evening.line == "cat ann"
    evening.wait(1)
    assert evening.line == ""


def test_several_deadlines_pass_in_their_order() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("cat", "ann")
    evening.wait(3600)
    assert evening.last_result == ("abandoned", "bob")
    assert list(evening.room.users) == ["bob"]
    assert next_deadline(evening.room, evening.house) is None


def test_restart_with_a_clock_gone_back_leaves_no_more_than_move_seconds() -> None:
    evening = evening_with("ann", "bob")
    evening.tick(-3600)
    evening.restart()
    evening.come_back("ann", "bob")
    assert evening.seconds_to_move == 30


def test_time_that_ran_out_is_not_given_back() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(30)
    with pytest.raises(NotNow):
        evening.move("bob", 4)
