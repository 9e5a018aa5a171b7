"""Who loses the socket keeps place and seat for a while (design, rules 6, 7 and 11)."""

import pytest

from queue_engine.commands import Disconnect
from queue_engine.house import HouseRules
from queue_engine.model import Marker
from tests.queue_engine.evening import DRAW, O_WINS, X_WINS, evening_with


def test_seed_client_is_removed_at_once() -> None:
    evening = evening_with("ann", "bob", "cat", seed=True)
    evening.vanish("ann")
    assert evening.last_result == ("abandoned", "bob")
    assert evening.seats == "cat bob"
    assert "ann" not in evening.room.users


def test_seat_is_held_and_then_given_up() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.moves(0)
    evening.vanish("bob")
    evening.wait(14.9)
    assert evening.seats == "ann bob"
    evening.wait(0.1)
    assert evening.last_result == ("abandoned", "ann")
    assert (evening.seats, evening.line) == ("ann cat", "bob")
    evening.wait(164.9)
    assert "bob" in evening.room.users
    evening.wait(0.1)
    assert "bob" not in evening.room.users


def test_place_in_line_is_kept_while_absent() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.vanish("cat")
    evening.go("ann")
    assert (evening.seats, evening.line) == ("dan bob", "cat")
    evening.come_back("cat")
    evening.go("dan")
    assert evening.seats == "cat bob"


def test_both_absent_lose_their_seats_together() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("bob")
    evening.wait(5)
    evening.vanish("ann")
    evening.wait(10)
    assert evening.last_result == ("abandoned", None)
    assert (evening.seats, evening.line) == ("cat -", "bob ann")


def test_lone_absent_player_goes_to_the_line_without_result() -> None:
    evening = evening_with("ann")
    evening.vanish("ann")
    evening.wait(15)
    assert (evening.seats, evening.line, evening.games) == ("- -", "ann", [])
    evening.come_back("ann")
    assert evening.seats == "ann -"


def test_resume_gives_everything_back() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.rename("ann", "Ann")
    evening.moves(4)
    before = evening.user("ann")
    evening.vanish("ann")
    evening.come_back("ann")
    after = evening.user("ann")
    assert after.generation == before.generation + 1
    assert (after.username, after.marker, after.joined_at) == ("Ann", Marker.X, before.joined_at)
    assert evening.game.position.board == "....X...."


def test_expired_session_joins_as_somebody_new() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("cat")
    evening.wait(180)
    evening.come_back("cat")
    assert evening.line == "cat again"


def test_seed_client_who_goes_has_abandoned_the_game() -> None:
    evening = evening_with("ann")
    evening.enter("sam", seed=True)
    evening.vanish("sam")
    assert evening.last_result == ("abandoned", "ann")
    assert (evening.seats, evening.user("ann").streak) == ("ann -", 1)


def test_v1_client_who_leaves_is_removed_at_once() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.go("bob")
    assert evening.last_result == ("abandoned", "ann")
    assert evening.seats == "ann cat"
    assert "bob" not in evening.room.users


def test_guest_who_leaves_the_line_for_good_ends_no_game() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.go("cat")
    assert evening.order == "ann bob"
    assert evening.game.playing


def test_absent_guest_keeps_the_place() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", house=HouseRules(move_seconds=0))
    evening.vanish("cat")
    evening.wait(179)
    assert evening.line == "cat dan"
    assert [evening.room.position(evening.user(name)) for name in ("cat", "dan")] == [1, 2]


def test_absent_guest_is_removed_when_the_time_is_up() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", house=HouseRules(move_seconds=0))
    evening.vanish("cat")
    evening.wait(180)
    assert evening.line == "dan"


def test_absent_guest_is_passed_over_and_keeps_the_place() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", "eve")
    evening.vanish("cat")
    evening.moves(*X_WINS)
    assert evening.seats == "ann dan"
    assert evening.line == "cat eve bob"


def test_absent_guest_comes_back_to_the_same_place() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.vanish("cat")
    evening.wait(179)
    evening.come_back("cat")
    evening.wait(3600)
    assert evening.user("cat").present


def test_absent_guest_who_comes_back_sits_down_on_a_free_seat() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("cat")
    evening.go("bob")
    assert evening.seats == "ann -"
    evening.come_back("cat")
    assert evening.seats == "ann cat"


def test_absent_watcher_comes_back_as_a_watcher() -> None:
    evening = evening_with("ann")
    evening.enter("wes", watch=True)
    evening.vanish("wes")
    assert evening.room.spectators == 1
    evening.come_back("wes")
    assert evening.user("wes").status == "spectator"
    assert evening.seats == "ann -"


def test_absent_watcher_is_removed_when_the_time_is_up() -> None:
    evening = evening_with("ann")
    evening.enter("wes", watch=True)
    evening.vanish("wes")
    evening.wait(180)
    assert evening.room.spectators == 0


def test_absent_player_keeps_the_end_of_the_line_for_what_is_left() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.vanish("ann")
    evening.wait(179)
    assert evening.line == "dan ann"
    evening.wait(1)
    assert evening.line == "dan"


def test_seat_is_never_kept_longer_than_the_place() -> None:
    evening = evening_with("ann", "bob", house=HouseRules(resume_seconds=5, seat_seconds=15))
    evening.vanish("ann")
    evening.wait(5)
    assert evening.last_result == ("abandoned", "bob")
    assert "ann" not in evening.room.users


def test_no_resume_window_removes_at_once() -> None:
    evening = evening_with("ann", "bob", "cat", house=HouseRules(resume_seconds=0))
    evening.vanish("ann")
    evening.wait(0)
    assert evening.seats == "cat bob"
    assert "ann" not in evening.room.users


def test_both_absent_enter_the_line_as_after_a_draw() -> None:
    evening = evening_with("ann", "bob")
    evening.vanish("ann", "bob")
    evening.wait(15)
    assert evening.line == "bob ann"
    evening.come_back("ann", "bob")
    assert evening.seats == "ann bob"


def test_newcomer_starts_a_game_against_an_absent_player() -> None:
    evening = evening_with("ann")
    evening.vanish("ann")
    evening.enter("bob")
    assert evening.game.playing
    evening.wait(15)
    assert evening.last_result == ("abandoned", "bob")


def test_winner_who_is_absent_keeps_the_seat_and_its_time_runs_on() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("ann")
    evening.wait(10)
    evening.report("bob", loser="bob")
    assert evening.seats == "ann cat"
    assert evening.game.number == 2
    evening.wait(5)
    assert evening.last_result == ("abandoned", "cat")
    assert evening.seats == "bob cat"


def test_winner_who_is_absent_at_max_streak_keeps_the_end_of_the_line() -> None:
    evening = evening_with("ann", "bob", "cat", house=HouseRules(max_streak=1, move_seconds=0))
    evening.vanish("ann")
    evening.report("bob", loser="bob")
    assert evening.seats == "cat bob"
    evening.wait(179)
    assert evening.line == "ann"


def test_opponent_of_an_absent_player_may_leave() -> None:
    evening = evening_with("ann", "bob")
    evening.vanish("ann")
    evening.go("bob")
    assert evening.last_result == ("abandoned", "ann")
    assert evening.seats == "ann -"


def test_late_close_of_an_old_socket_evicts_nobody() -> None:
    evening = evening_with("ann", "bob")
    old_socket = evening.socket("ann")
    evening.come_back("ann")
    for leaving in (False, True):
        assert evening.play(Disconnect(*old_socket, leaving=leaving)) == ()
    assert evening.user("ann").present


@pytest.mark.parametrize("leaving", [False, True])
def test_close_of_who_is_removed_changes_nothing(leaving: bool) -> None:
    evening = evening_with("ann", "bob")
    socket = evening.socket("bob")
    evening.go("bob")
    assert evening.play(Disconnect(*socket, leaving=leaving)) == ()


def test_games_go_on_after_many_absences() -> None:
    evening = evening_with("ann", "bob", "cat")
    for cells in (X_WINS, DRAW, O_WINS):
        players = evening.seats.split()
        evening.vanish(*players)
        evening.come_back(*players)
        evening.moves(*cells)
    assert evening.game.number == 4


def test_session_that_is_late_but_not_yet_expired_is_in_time() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", house=HouseRules(move_seconds=0))
    evening.vanish("cat")
    evening.tick(181)
    evening.come_back("cat")
    evening.wait(0)
    assert evening.line == "cat dan"
