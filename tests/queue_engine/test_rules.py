"""The house rules, given / when / then; the numbers are those of the design's section 5."""

import pytest

from queue_engine.house import HouseRules
from queue_engine.model import Marker, Status
from queue_engine.refusals import NoSuchUser, NotAllowed, NotNow
from tests.queue_engine.evening import Evening

X_WINS = (0, 3, 1, 4, 2)
DRAW = (0, 1, 2, 4, 3, 5, 7, 6, 8)


@pytest.fixture
def evening() -> Evening:
    return Evening()


# Joining, and the two seats


def test_first_two_sit_down_and_the_rest_wait(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    assert (evening.seats, evening.line) == ("a b", "c d")
    assert (evening.game.number, evening.game.turn) == (1, Marker.X)


def test_one_alone_has_no_game(evening: Evening) -> None:
    evening.enter("a")
    assert evening.seats == "a -"
    assert evening.room.game is None


def test_free_seat_gets_the_marker_that_is_missing(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.go("a")
    assert evening.seats == "c b"


def test_joined_at_grows_while_the_clock_stands_still_or_runs_back(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.wait(-3600)
    evening.enter("c")
    times = [evening.user(name).joined_at for name in "abc"]
    assert times == sorted(set(times))


def test_joined_at_is_kept_when_promoted(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    joined = evening.user("c").joined_at
    evening.go("b")
    assert evening.user("c").marker is Marker.O
    assert evening.user("c").joined_at == joined


def test_watcher_takes_no_seat_until_asked_to(evening: Evening) -> None:
    evening.enter("w", watch=True)
    evening.enter("a")
    assert (evening.seats, evening.room.spectators) == ("a -", 1)
    evening.join_line("w")
    assert (evening.seats, evening.room.spectators) == ("a w", 0)


def test_joining_again_costs_no_place(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    for name in "abcd":
        evening.join_line(name)
    assert (evening.seats, evening.line) == ("a b", "c d")


def test_leaving_the_line_makes_a_spectator(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    evening.leave_line("c")
    assert (evening.line, evening.user("c").status) == ("d", Status.SPECTATOR)


def test_player_who_leaves_concedes(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.leave_line("a")
    assert evening.last_result == ("conceded", "b")
    assert (evening.seats, evening.user("b").streak) == ("c b", 1)


# The end of a game


def test_winner_stays_and_loser_goes_to_the_back(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    evening.moves(*X_WINS)
    assert evening.last_result == ("won", "a")
    assert evening.games[-1].line == (0, 1, 2)
    assert (evening.seats, evening.line) == ("a c", "d b")
    assert (evening.user("a").streak, evening.game.number) == (1, 2)


def test_loser_sits_down_again_with_nobody_waiting(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.moves(*X_WINS)
    assert (evening.seats, evening.line) == ("a b", "")
    assert evening.user("b").joined_at > evening.user("a").joined_at


def test_draw_sends_both_back_the_later_seated_first(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    evening.moves(*DRAW)
    assert evening.last_result == ("draw", None)
    assert (evening.seats, evening.line) == ("c d", "b a")


def test_marks_change_hands_in_a_rematch_after_a_draw(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.moves(*DRAW)
    assert evening.seats == "b a"
    evening.moves(*DRAW)
    assert evening.seats == "a b"


def test_streak_ends_with_a_draw(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.moves(*X_WINS)
    evening.moves(*DRAW)
    assert evening.user("a").streak == 0


def test_winner_at_the_longest_streak_goes_behind_the_loser() -> None:
    evening = Evening(HouseRules(max_streak=2))
    evening.enter("a", "b", "c", "d")
    evening.moves(*X_WINS)
    evening.moves(*X_WINS)
    assert (evening.seats, evening.line) == ("d b", "c a")
    assert evening.user("a").streak == 0


def test_win_on_the_last_cell_is_no_draw(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.moves(0, 1, 2, 3, 4, 6, 5, 7, 8)
    assert evening.last_result == ("won", "a")


# Moves


@pytest.mark.parametrize(
    ("name", "cell", "refusal"), [("c", 0, NotAllowed), ("b", 1, NotNow), ("zoe", 1, NoSuchUser)]
)
def test_who_may_not_move(evening: Evening, name: str, cell: int, refusal: type[Exception]) -> None:
    evening.enter("a", "b", "c")
    with pytest.raises(refusal):
        evening.move(name, cell)


def test_cell_that_is_taken_is_refused(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.moves(4)
    with pytest.raises(NotNow, match="taken"):
        evening.moves(4)


def test_nobody_moves_alone(evening: Evening) -> None:
    evening.enter("a")
    with pytest.raises(NotNow):
        evening.move("a", 0)


def test_nobody_moves_while_a_player_is_absent(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.vanish("b")
    with pytest.raises(NotNow, match="absent"):
        evening.move("a", 0)


# Reports of an end


def test_loser_may_always_concede(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.moves(0, 1)
    evening.report("b", "b")
    assert evening.last_result == ("conceded", "a")
    assert evening.seats == "a c"


def test_between_v1_clients_the_board_decides(evening: Evening) -> None:
    evening.enter("a", "b")
    with pytest.raises(NotNow, match="board"):
        evening.report("a", "b")


def test_claim_is_believed_of_a_seed_client(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.enter("c")
    evening.report("a", "b")
    assert evening.last_result == ("won", "a")
    assert evening.games[-1].line is None
    assert evening.seats == "a c"


@pytest.mark.parametrize("name", ["a", "b"])
def test_in_a_mixed_game_the_board_decides(evening: Evening, name: str) -> None:
    evening.enter("a")
    evening.enter("b", seed=True)
    with pytest.raises(NotNow, match="board"):
        evening.report(name, "b" if name == "a" else "a")
    evening.report(name, name)
    assert evening.last_result[0] == "conceded"


def test_claim_is_not_believed_of_one_who_is_absent(evening: Evening) -> None:
    evening.enter("a")
    evening.enter("b", seed=True)
    evening.vanish("a")
    evening.edit("a", resumable=False)
    with pytest.raises(NotNow, match="absent"):
        evening.report("b", "a")


def test_only_a_player_reports(evening: Evening) -> None:
    evening.enter("a", "b", "c", seed=True)
    with pytest.raises(NotAllowed):
        evening.report("c", "a")
    with pytest.raises(NoSuchUser):
        evening.report("a", "nobody")
    with pytest.raises(NotNow):
        evening.report("a", "c")


def test_alone_there_is_no_game_to_report(evening: Evening) -> None:
    evening.enter("a", seed=True)
    with pytest.raises(NotNow):
        evening.report("a", "a")


def test_second_report_of_one_end_is_no_second_loss(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.report("a", "b")
    evening.wait(1.9)
    evening.report("b", "b")
    assert len(evening.games) == 1
    assert evening.user("a").streak == 1


def test_repeat_counts_once(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.report("a", "b")
    evening.report("b", "b")
    evening.report("b", "b")
    assert len(evening.games) == 2


@pytest.mark.parametrize("later", [2.1, 60])
def test_late_report_is_about_the_next_game(evening: Evening, later: float) -> None:
    evening.enter("a", "b", seed=True)
    evening.report("a", "b")
    evening.wait(later)
    evening.report("b", "b")
    assert len(evening.games) == 2


def test_same_reporter_repeats_nothing(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.report("a", "b")
    evening.report("a", "b")
    assert len(evening.games) == 2


def test_report_after_a_move_is_about_the_new_game(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.report("a", "b")
    evening.moves(0)
    evening.report("b", "b")
    assert len(evening.games) == 2


def test_report_of_another_game_number_is_refused(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.report("a", "b", game=1)
    with pytest.raises(NotNow, match="game 2"):
        evening.report("b", "b", game=1)
    evening.report("b", "b", game=2)
    assert len(evening.games) == 2


# The clock


def test_who_does_not_move_in_time_loses(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.wait(29.9)
    assert evening.games == []
    evening.wait(0.1)
    assert evening.last_result == ("timeout", "b")
    assert evening.seats == "c b"


def test_a_move_gives_the_other_the_full_time(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.wait(20)
    evening.moves(0)
    evening.wait(29)
    assert evening.games == []


def test_without_clock_nobody_is_hurried() -> None:
    evening = Evening(HouseRules(move_seconds=0))
    evening.enter("a", "b")
    evening.wait(10_000)
    assert evening.games == []
    assert evening.game.deadline is None


def test_clock_does_not_run_between_two_seed_clients(evening: Evening) -> None:
    evening.enter("a", "b", seed=True)
    evening.wait(10_000)
    assert evening.games == []


def test_clock_runs_in_a_mixed_game(evening: Evening) -> None:
    evening.enter("a", seed=True)
    evening.enter("b")
    evening.wait(30)
    assert evening.last_result == ("timeout", "b")
    assert evening.seats == "a b"


def test_absence_stops_the_clock_and_a_return_goes_on(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.wait(10)
    evening.vanish("b")
    assert evening.game.deadline is None
    evening.wait(14)
    evening.come_back("b")
    assert evening.game.deadline is not None
    assert (evening.game.deadline - evening.now).total_seconds() == 20


def test_returning_player_has_five_seconds_at_least(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.wait(29)
    evening.vanish("a")
    evening.come_back("a")
    assert evening.game.deadline is not None
    assert (evening.game.deadline - evening.now).total_seconds() == 5


# Absence


def test_seed_client_is_removed_at_once(evening: Evening) -> None:
    evening.enter("a", "b", "c", seed=True)
    evening.vanish("a")
    assert evening.last_result == ("abandoned", "b")
    assert evening.seats == "c b"
    assert "a" not in evening.room.users


def test_seat_is_held_and_then_given_up(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.moves(0)
    evening.vanish("b")
    evening.wait(14.9)
    assert evening.seats == "a b"
    evening.wait(0.1)
    assert evening.last_result == ("abandoned", "a")
    assert (evening.seats, evening.line) == ("a c", "b")
    evening.wait(164.9)
    assert "b" in evening.room.users
    evening.wait(0.1)
    assert "b" not in evening.room.users


def test_place_in_line_is_kept_while_absent(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    evening.vanish("c")
    evening.go("a")
    assert (evening.seats, evening.line) == ("d b", "c")
    evening.come_back("c")
    evening.go("d")
    assert evening.seats == "c b"


def test_both_absent_lose_their_seats_together(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.vanish("b")
    evening.wait(5)
    evening.vanish("a")
    evening.wait(10)
    assert evening.last_result == ("abandoned", None)
    assert (evening.seats, evening.line) == ("c -", "b a")


def test_lone_absent_player_goes_to_the_line_without_result(evening: Evening) -> None:
    evening.enter("a")
    evening.vanish("a")
    evening.wait(15)
    assert (evening.seats, evening.line, evening.games) == ("- -", "a", [])
    evening.come_back("a")
    assert evening.seats == "a -"


def test_absent_winner_keeps_the_seat_into_the_next_game(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.vanish("a")
    evening.wait(5)
    evening.leave_line("b")
    assert (evening.seats, evening.game.playing) == ("a c", True)
    evening.wait(10)
    assert evening.last_result == ("abandoned", "c")


def test_resume_gives_everything_back(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.rename("a", "Ann")
    evening.moves(4)
    before = evening.user("a")
    evening.vanish("a")
    evening.come_back("a")
    after = evening.user("a")
    assert after.generation == before.generation + 1
    assert (after.username, after.marker, after.joined_at) == ("Ann", Marker.X, before.joined_at)
    assert evening.game.position.board == "....X...."


def test_expired_session_joins_as_somebody_new(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.vanish("c")
    evening.wait(180)
    evening.come_back("c")
    assert evening.line == "c again"


def test_late_close_of_an_old_socket_evicts_nobody(evening: Evening) -> None:
    evening.enter("a", "b")
    old = evening.socket("a")
    evening.come_back("a")
    evening.disconnect(old)
    assert evening.user("a").present


def test_command_from_a_superseded_socket_is_refused(evening: Evening) -> None:
    evening.enter("a", "b")
    old = evening.socket("a")
    evening.come_back("a")
    with pytest.raises(NotNow):
        evening.move_from(old, 0)


def test_empty_room_forgets_its_game(evening: Evening) -> None:
    evening.enter("a", "b")
    evening.go("a")
    evening.go("b")
    assert evening.room.game is None


# The start of the server


def test_after_a_restart_everybody_has_place_seat_and_board(evening: Evening) -> None:
    evening.enter("a", "b", "c", "d")
    evening.moves(4, 0)
    evening.restart()
    evening.wait(179)
    for name in "dbca":
        evening.come_back(name)
    assert (evening.seats, evening.line) == ("a b", "c d")
    assert evening.game.position.board == "O...X...."


def test_after_a_restart_the_absent_are_removed_in_time(evening: Evening) -> None:
    evening.enter("a", "b", "c")
    evening.restart()
    evening.come_back("c")
    evening.wait(180)
    assert (evening.seats, evening.line) == ("c -", "")


def test_restart_removes_seed_clients_and_fills_seats_first(evening: Evening) -> None:
    evening.enter("a", seed=True)
    evening.enter("b", "c", "d")
    evening.vanish("c")
    evening.restart()
    assert evening.last_result == ("abandoned", "b")
    assert (evening.seats, evening.line) == ("c b", "d")
