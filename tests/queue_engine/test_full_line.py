"""A line has an end: who may still come, and who may not."""

import pytest

from queue_engine.house import HouseRules
from queue_engine.refusals import NotNow
from tests.queue_engine.evening import X_WINS, Evening, evening_with

HOUSE = HouseRules(max_waiting=2, move_seconds=0)


def full_evening() -> Evening:
    return evening_with("ann", "bob", "cat", "dan", house=HOUSE)


def test_line_takes_so_many_and_no_more() -> None:
    evening = full_evening()
    with pytest.raises(NotNow, match="full"):
        evening.enter("eve")
    with pytest.raises(NotNow, match="full"):
        evening.enter("sam", seed=True)
    assert evening.line == "cat dan"


def test_who_watches_comes_in_and_does_not_get_in_line() -> None:
    evening = full_evening()
    evening.enter("wes", watch=True)
    with pytest.raises(NotNow, match="full"):
        evening.join_line("wes")
    evening.go("cat")
    evening.join_line("wes")
    assert evening.line == "dan wes"


def test_who_is_in_line_is_not_told_that_it_is_full() -> None:
    evening = full_evening()
    evening.join_line("dan")
    evening.join_line("ann")
    assert (evening.seats, evening.line) == ("ann bob", "cat dan")


def test_who_comes_back_has_kept_the_place() -> None:
    evening = full_evening()
    evening.vanish("cat", "ann")
    with pytest.raises(NotNow, match="full"):
        evening.enter("eve")
    evening.come_back("cat", "ann")
    assert (evening.seats, evening.line) == ("ann bob", "cat dan")


def test_loser_goes_to_the_end_of_a_full_line() -> None:
    evening = full_evening()
    evening.moves(*X_WINS)
    assert (evening.seats, evening.line) == ("ann cat", "dan bob")


def test_free_seat_is_taken_past_a_line_of_the_absent() -> None:
    evening = full_evening()
    evening.vanish("cat", "dan")
    evening.go("bob")
    assert evening.seats == "ann -"
    evening.enter("eve")
    assert (evening.seats, evening.line) == ("ann eve", "cat dan")
    with pytest.raises(NotNow, match="full"):
        evening.enter("fay")
