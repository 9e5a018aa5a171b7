"""How a game is played, and how it ends (design, rule 4)."""

import pytest

from queue_engine.house import HouseRules
from queue_engine.model import Game
from queue_engine.refusals import NoSuchUser, NotAllowed, NotNow
from tests.queue_engine.evening import DRAW, O_WINS, X_WINS, evening_with


def test_winner_stays_and_loser_goes_to_the_back() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.moves(*X_WINS)
    assert evening.last_result == ("won", "ann")
    assert evening.games[-1].line == (0, 1, 2)
    assert (evening.seats, evening.line) == ("ann cat", "dan bob")
    assert (evening.user("ann").streak, evening.game.number) == (1, 2)


def test_draw_sends_both_back_behind_those_who_wait() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.moves(*DRAW)
    assert evening.last_result == ("draw", None)
    assert (evening.seats, evening.line) == ("cat dan", "bob ann")


def test_marks_change_hands_in_a_rematch_after_a_draw() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*DRAW)
    assert evening.seats == "bob ann"
    evening.moves(*DRAW)
    assert evening.seats == "ann bob"


def test_win_on_the_last_cell_is_no_draw() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(0, 1, 2, 3, 4, 6, 5, 7, 8)
    assert evening.last_result == ("won", "ann")


@pytest.mark.parametrize(
    ("name", "cell", "refusal"),
    [("cat", 0, NotAllowed), ("bob", 1, NotNow), ("zoe", 1, NoSuchUser)],
)
def test_who_may_not_move(name: str, cell: int, refusal: type[Exception]) -> None:
    evening = evening_with("ann", "bob", "cat")
    with pytest.raises(refusal):
        evening.move(name, cell)


def test_cell_that_is_taken_is_refused() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(4)
    with pytest.raises(NotNow, match="taken"):
        evening.moves(4)


def test_nobody_moves_alone() -> None:
    evening = evening_with("ann")
    with pytest.raises(NotNow):
        evening.move("ann", 0)


def test_loser_may_always_concede() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.moves(0, 1)
    evening.report("bob", "bob")
    assert evening.last_result == ("conceded", "ann")
    assert evening.seats == "ann cat"


def test_between_v1_clients_the_board_decides() -> None:
    evening = evening_with("ann", "bob")
    with pytest.raises(NotNow, match="board"):
        evening.report("ann", "bob")


def test_claim_is_believed_of_a_seed_client() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.enter("cat")
    evening.report("ann", "bob")
    assert evening.last_result == ("won", "ann")
    assert evening.games[-1].line is None
    assert evening.seats == "ann cat"


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_in_a_mixed_game_the_board_decides(name: str) -> None:
    evening = evening_with("ann")
    evening.enter("bob", seed=True)
    with pytest.raises(NotNow, match="board"):
        evening.report(name, "bob" if name == "ann" else "ann")
    evening.report(name, name)
    assert evening.last_result[0] == "conceded"


def test_claim_is_not_believed_of_one_who_is_absent() -> None:
    evening = evening_with("ann")
    evening.enter("bob", seed=True)
    evening.vanish("ann")
    evening.edit("ann", resumable=False)
    with pytest.raises(NotNow, match="absent"):
        evening.report("bob", "ann")


def test_only_a_player_reports() -> None:
    evening = evening_with("ann", "bob", "cat", seed=True)
    with pytest.raises(NotAllowed):
        evening.report("cat", "ann")
    with pytest.raises(NoSuchUser):
        evening.report("ann", "nobody")
    with pytest.raises(NotNow):
        evening.report("ann", "cat")


def test_alone_there_is_no_game_to_report() -> None:
    evening = evening_with("ann", seed=True)
    with pytest.raises(NotNow):
        evening.report("ann", "ann")


def test_repeat_counts_once() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", "bob")
    evening.report("bob", "bob")
    evening.report("bob", "bob")
    assert len(evening.games) == 2


@pytest.mark.parametrize("later", [2.1, 60])
def test_late_report_is_about_the_next_game(later: float) -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", "bob")
    evening.wait(later)
    evening.report("bob", "bob")
    assert len(evening.games) == 2


def test_same_reporter_repeats_nothing() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", "bob")
    evening.report("ann", "bob")
    assert len(evening.games) == 2


def test_report_after_a_move_is_about_the_new_game() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", "bob")
    evening.moves(0)
    evening.report("bob", "bob")
    assert len(evening.games) == 2


def test_report_of_another_game_number_is_refused() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", "bob", game=1)
    with pytest.raises(NotNow, match="game 2"):
        evening.report("bob", "bob", game=1)
    evening.report("bob", "bob", game=2)
    assert len(evening.games) == 2


def test_o_wins_too() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.moves(*O_WINS)
    assert evening.last_result == ("won", "bob")
    assert evening.seats == "cat bob"


def test_of_two_lines_at_once_the_first_counts() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(0, 3, 1, 4, 5, 6, 8, 7, 2)
    assert evening.games[-1].line == (0, 1, 2)


def test_winner_keeps_place_and_counts_the_win() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.moves(*O_WINS)
    evening.moves(*O_WINS)
    assert evening.order == "bob ann cat"
    assert (evening.user("bob").marker, evening.user("bob").streak) == ("O", 2)


def test_next_game_starts_at_once_with_the_next_number() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.moves(*O_WINS)
    assert (evening.game.number, evening.game.moves, evening.game.turn) == (2, (), "X")
    assert (evening.game.x_id, evening.game.o_id) == ("cat", "bob")


def test_result_is_on_record_before_the_next_game() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*X_WINS)
    games = [c.new for c in evening.take_changes() if isinstance(c.new, Game)]
    assert [(g.number, g.status) for g in games[-3:-1]] == [(1, "won"), (2, "playing")]


def test_two_alone_play_again_with_the_same_marks() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*O_WINS)
    assert evening.seats == "ann bob"
    assert evening.order == "bob ann"


def test_draw_sends_both_to_the_end_the_later_seated_first() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", "eve")
    evening.wait(1)
    evening.moves(*X_WINS)  # cat sits down after ann
    evening.moves(*DRAW)
    assert evening.seats == "dan eve"
    assert evening.line == "bob cat ann"


def test_draw_sends_x_first_if_x_was_seated_later() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", "eve")
    evening.wait(1)
    evening.moves(*O_WINS)  # cat sits down after bob
    evening.moves(*DRAW)
    assert evening.line == "ann cat bob"


def test_draw_remembers_who_sat_down_later_within_one_moment() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.go("ann")  # cat sits down after bob
    evening.moves(*DRAW)
    assert evening.order == "cat bob"


def test_draw_remembers_who_sat_down_later_when_the_clock_went_back() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", "eve")
    evening.tick(-3600)
    evening.moves(*O_WINS)
    evening.moves(*DRAW)
    assert evening.line == "ann cat bob"


def test_draw_with_one_waiting_seats_the_waiter_and_the_later_seated() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.moves(*DRAW)
    assert evening.seats == "cat bob"
    assert evening.line == "ann"


def test_nobody_moves_out_of_turn() -> None:
    evening = evening_with("ann", "bob")
    with pytest.raises(NotNow):
        evening.move("bob", 0)
    evening.move("ann", 0)
    with pytest.raises(NotNow):
        evening.move("ann", 1)


@pytest.mark.parametrize("gone", ["ann", "bob"])
def test_nobody_moves_while_a_player_is_absent(gone: str) -> None:
    evening = evening_with("ann", "bob")
    evening.vanish(gone)
    with pytest.raises(NotNow, match="absent"):
        evening.move("ann", 4)


def test_seed_client_wins_no_mixed_game_by_claims() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.enter("sam", seed=True)
    evening.go("ann")
    evening.moves(*X_WINS)
    assert evening.seats == "cat sam"
    with pytest.raises(NotNow):
        evening.report("sam", loser="cat")
    assert evening.line == "bob"


def test_claim_between_seed_clients_is_accepted_whatever_was_marked_here() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.moves(4, 0)
    evening.report("ann", loser="bob")
    assert evening.last_result == ("won", "ann")


def test_unknown_loser_is_refused_and_leaves_no_ghost() -> None:
    evening = evening_with("ann", "bob", seed=True)
    with pytest.raises(NoSuchUser):
        evening.report("ann", loser="zoe")
    assert "zoe" not in evening.room.users


def test_not_seated_comes_before_unknown_loser() -> None:
    evening = evening_with("ann", "bob", "cat", seed=True)
    with pytest.raises(NotAllowed):
        evening.report("cat", loser="zoe")


def test_second_report_does_not_cost_the_loser_another_place() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", seed=True)
    evening.report("ann", loser="bob")
    with pytest.raises(NotAllowed):
        evening.report("bob", loser="bob")
    with pytest.raises(NotNow):
        evening.report("ann", loser="bob")
    assert evening.line == "dan bob"


def test_report_of_the_other_player_within_two_seconds_is_the_repeat() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", loser="bob")
    evening.wait(2)
    evening.report("bob", loser="bob")
    assert (evening.game.number, evening.user("ann").streak) == (2, 1)


def test_report_of_another_loser_is_no_repeat() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", loser="bob")
    evening.report("bob", loser="ann")
    assert evening.last_result == ("won", "bob")
    assert evening.game.number == 3


def test_repeat_holds_when_somebody_came_meanwhile() -> None:
    evening = evening_with("ann", "bob", seed=True)
    evening.report("ann", loser="bob")
    evening.enter("cat")
    evening.report("bob", loser="bob")
    assert evening.seats == "ann bob"


def test_v1_player_repeats_a_concession() -> None:
    evening = evening_with("ann", "bob")
    evening.report("bob", loser="bob")
    evening.report("ann", loser="bob")
    assert (evening.game.number, evening.user("ann").streak) == (2, 1)


def test_repeat_holds_when_max_streak_moves_both() -> None:
    evening = evening_with(house=HouseRules(max_streak=1))
    evening.enter("ann", "bob", seed=True)
    evening.report("ann", loser="bob")
    evening.report("bob", loser="bob")
    assert evening.game.number == 2


def test_report_is_no_repeat_once_the_opponent_changed() -> None:
    evening = evening_with("ann", "bob", "cat", seed=True)
    evening.report("ann", loser="bob")
    evening.go("cat")  # bob sits down again: not at once
    evening.report("bob", loser="bob")
    assert evening.user("ann").streak == 3
