"""The time to move, and what stops it (design, rules 5 and 11)."""

import contextlib
from datetime import datetime, timedelta

import pytest

from queue_engine.game_clock import next_deadline
from queue_engine.house import HouseRules
from queue_engine.refusals import NotNow
from queue_engine.transaction import END_OF_TIME, START_OF_TIME
from tests.queue_engine.evening import X_WINS, be_away, evening_with


def test_who_does_not_move_in_time_loses() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.wait(29.9)
    assert evening.games == []
    evening.wait(0.1)
    assert evening.last_result == ("timeout", "bob")
    assert evening.seats == "cat bob"


def test_a_move_gives_the_other_the_full_time() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(20)
    evening.moves(0)
    evening.wait(29)
    assert evening.games == []


def test_without_clock_nobody_is_hurried() -> None:
    evening = evening_with("ann", "bob", house=HouseRules(move_seconds=0))
    evening.wait(10_000)
    assert evening.games == []
    assert evening.game.deadline is None


def test_clock_does_not_run_between_two_seed_clients() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.wait(10_000)
    assert evening.games == []


def test_clock_runs_in_a_mixed_game() -> None:
    evening = evening_with("ann", seed=True)
    evening.enter("bob")
    evening.wait(30)
    assert evening.last_result == ("timeout", "bob")
    assert evening.seats == "ann bob"


def test_absence_stops_the_clock_and_a_return_goes_on() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(10)
    evening.vanish("bob")
    assert evening.game.deadline is None
    evening.wait(14)
    evening.come_back("bob")
    assert evening.seconds_to_move == 20


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
    assert evening.game.position.board == "....X...."


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
    # Whoever stops the clock: or two could give each other overtime for ever.
    evening.vanish("bob")
    evening.wait(10)
    evening.come_back("bob")
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
    evening.wait(165)
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


# All absences of one player in one game stop it for twice 15 seconds.


def test_clock_runs_on_when_a_player_was_away_for_long_enough() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(10)
    be_away(evening, "bob", 25)
    assert evening.seconds_to_move == 20
    evening.vanish("bob")
    evening.wait(4.9)
    assert evening.game.deadline is None
    evening.wait(0.1)
    assert evening.seconds_to_move == 20
    evening.come_back("bob")
    evening.vanish("bob")
    assert evening.seconds_to_move == 20
    evening.wait(14.9)
    assert evening.seats == "ann bob"
    evening.wait(0.1)
    assert evening.last_result == ("abandoned", "ann"), "the seat's own time runs as ever"


def test_moves_are_taken_when_a_player_was_away_for_long_enough() -> None:
    evening = evening_with("ann", "bob", "cat")
    be_away(evening, "bob", 25)
    evening.vanish("bob")
    evening.wait(4)
    with pytest.raises(NotNow, match="absent"):
        evening.move("ann", 4)
    evening.wait(1)
    evening.move("ann", 4)
    assert evening.seconds_to_move == 30
    evening.come_back("bob")
    assert evening.seconds_to_move == 30
    evening.vanish("bob")
    evening.come_back("bob")
    evening.wait(30)
    assert evening.last_result == ("timeout", "ann")


def test_absence_is_counted_over_the_moves_of_a_game() -> None:
    evening = evening_with("ann", "bob")
    be_away(evening, "bob", 20)
    evening.moves(4, 0)
    be_away(evening, "bob", 5)
    evening.vanish("bob")
    evening.wait(5)
    evening.move("ann", 1)
    evening.come_back("bob")
    evening.vanish("bob")
    assert evening.seconds_to_move == 30, "what was used up stays so after a move"


def test_each_player_and_each_game_is_waited_for() -> None:
    evening = evening_with("ann", "bob", "cat")
    be_away(evening, "ann", 31)
    evening.vanish("bob")
    evening.wait(14)
    assert evening.game.deadline is None, "bob is waited for, although ann no longer is"
    evening.come_back("bob")
    evening.moves(*X_WINS)
    assert evening.seats == "ann cat"
    evening.vanish("ann")
    evening.wait(14)
    assert evening.game.deadline is None


def test_absence_from_one_game_into_the_next_is_counted_from_its_start() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("ann")
    evening.wait(14)
    evening.leave_line("bob")
    assert evening.seats == "ann cat"
    evening.wait(0.5)
    evening.come_back("ann")
    assert evening.game.x_waited == 0.5


def test_absence_of_a_restart_is_not_the_players_doing() -> None:
    evening = evening_with("ann", "bob")
    be_away(evening, "ann", 31)
    evening.restart()
    evening.come_back("bob")
    evening.wait(evening.house.resume_seconds - 15.1)
    assert evening.game.deadline is None
    evening.wait(0.1)
    assert evening.game.deadline is not None


def test_time_in_which_the_store_is_down_is_not_counted() -> None:
    evening = evening_with("ann", "bob")
    evening.vanish("bob")
    evening.wait(5)
    evening.hold(3600)
    evening.wait(5)
    evening.come_back("bob")
    assert evening.game.o_waited == 10


def test_player_whose_row_says_absent_without_a_seat_is_waited_for() -> None:
    evening = evening_with("ann", "bob")
    evening.edit("ann", absent_until=evening.now + timedelta(seconds=100))
    assert evening.game.deadline is None
    evening.wait(100)
    assert evening.last_result == ("abandoned", "bob")


@pytest.mark.parametrize("moment", [START_OF_TIME, END_OF_TIME])
def test_times_that_an_operator_writes_break_no_clock(moment: datetime) -> None:
    evening = evening_with("ann", "bob")
    evening.edit("ann", absent_until=moment, seat_until=moment)
    evening.wait(1)
    assert ("ann" in evening.room.users) == (moment is END_OF_TIME)


@pytest.mark.parametrize("waiting", [(), ("cat",)])
def test_griefer_who_is_gone_for_nearly_the_whole_seat_at_each_move_is_soon_out(
    waiting: tuple[str, ...],
) -> None:
    evening = evening_with("ann", "bob", *waiting)
    began = evening.now
    while not evening.games:
        evening.vanish("ann")
        evening.live(14.5)
        if not evening.games:
            evening.come_back("ann")
            evening.live(0.05)
    assert evening.last_result == ("timeout", "bob")
    assert (evening.now - began).total_seconds() < 30 + 35 + 14.5


def test_opponent_who_blinks_neither_wins_nor_stops_the_game() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.wait(29)
    blinks = 0
    evening.vanish("bob")
    while evening.game.position.board == ".........":
        with contextlib.suppress(NotNow):
            evening.move("ann", 4)
        evening.wait(0.9)
        evening.come_back("bob")
        evening.wait(0.1)
        evening.vanish("bob")
        blinks += 1
    assert blinks == 35
    assert evening.games == []


@pytest.mark.parametrize("waiting", [(), ("cat",)])
def test_game_of_two_who_are_absent_is_over(waiting: tuple[str, ...]) -> None:
    evening = evening_with("ann", "bob", *waiting)
    be_away(evening, "ann", 31)
    evening.vanish("ann", "bob")
    evening.wait(15)
    assert evening.last_result == ("abandoned", None)


@pytest.mark.parametrize("back_for", [0, 0.01, 1])
def test_two_who_vanish_together_again_and_again_stop_nobody_for_long(back_for: float) -> None:
    evening = evening_with("ann", "bob", "cat")
    began = evening.now
    while not evening.games:
        evening.vanish("ann", "bob")
        evening.live(14)
        if not evening.games:
            evening.come_back("ann", "bob")
            evening.live(back_for)
    assert (evening.now - began).total_seconds() < 2 * 30 + 35
    assert "cat" in evening.seats


@pytest.mark.parametrize("idle_seconds", [0, 1])
def test_idle_seconds_are_for_games_without_a_clock(idle_seconds: float) -> None:
    house = HouseRules(move_seconds=2000, idle_seconds=idle_seconds)
    evening = evening_with("ann", "bob", "cat", house=house)
    evening.wait(1999)
    assert evening.seats == "ann bob"
    evening.wait(1)
    assert evening.last_result == ("timeout", "bob")


@pytest.mark.parametrize("seat_seconds", [1e-7, 1e-6, 1.5e-6, 15])
@pytest.mark.parametrize("move_seconds", [1e-6, 1.5e-6, 30])
def test_no_time_is_too_short_to_pass(seat_seconds: float, move_seconds: float) -> None:
    house = HouseRules(seat_seconds=seat_seconds, move_seconds=move_seconds)
    evening = evening_with("ann", "bob", "cat", house=house)
    for _ in range(5):
        for name in ("ann", "bob", "cat"):
            evening.vanish(name)
            evening.wait(1e-6)
            evening.come_back(name)
            evening.wait(1e-6)
            deadline = next_deadline(evening.room, house)
            assert deadline is None or deadline > evening.now
