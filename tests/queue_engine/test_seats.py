"""Who sits down, who stands in line, and in which order (design, rules 1 to 3, 9 and 10)."""

import pytest

from queue_engine.commands import LeaveLine
from queue_engine.house import HouseRules
from queue_engine.model import Marker
from queue_engine.refusals import NoSuchUser, NotNow
from tests.queue_engine.evening import DRAW, O_WINS, X_WINS, evening_with


def test_first_two_sit_down_and_the_rest_wait() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    assert (evening.seats, evening.line) == ("ann bob", "cat dan")
    assert (evening.game.number, evening.game.turn) == (1, Marker.X)


def test_one_alone_has_no_game() -> None:
    evening = evening_with("ann")
    assert evening.seats == "ann -"
    assert evening.room.game is None


def test_no_two_join_at_the_same_time_whatever_the_clock_says() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(-3600)
    evening.enter("cat")
    times = [evening.user(name).joined_at for name in ("ann", "bob", "cat")]
    assert times == sorted(set(times))


def test_joined_at_is_kept_when_promoted() -> None:
    evening = evening_with("ann", "bob", "cat")
    joined = evening.user("cat").joined_at
    evening.go("bob")
    assert evening.user("cat").marker is Marker.O
    assert evening.user("cat").joined_at == joined


def test_watcher_takes_no_seat_until_asked_to() -> None:
    evening = evening_with()
    evening.enter("wes", watch=True)
    evening.enter("ann")
    assert (evening.seats, evening.room.spectators) == ("ann -", 1)
    evening.join_line("wes")
    assert (evening.seats, evening.room.spectators) == ("ann wes", 0)


def test_joining_again_costs_no_place() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    for name in ("ann", "bob", "cat", "dan"):
        evening.join_line(name)
    assert (evening.seats, evening.line) == ("ann bob", "cat dan")


def test_player_who_leaves_concedes() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.leave_line("ann")
    assert evening.last_result == ("conceded", "bob")
    assert (evening.seats, evening.user("bob").streak) == ("cat bob", 1)


def test_streak_ends_with_a_draw() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*X_WINS)
    evening.moves(*DRAW)
    assert evening.user("ann").streak == 0


def test_winner_at_the_longest_streak_goes_behind_the_loser() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", house=HouseRules(max_streak=2))
    evening.moves(*X_WINS)
    evening.moves(*X_WINS)
    assert (evening.seats, evening.line) == ("dan bob", "cat ann")
    assert evening.user("ann").streak == 0


def test_first_present_guest_takes_the_free_seat() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.vanish("cat")
    evening.go("ann")
    assert evening.seats == "dan bob"
    assert evening.line == "cat"


def test_newcomer_does_not_overtake_those_in_line() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.go("bob")
    evening.enter("dan")
    assert evening.seats == "ann cat"
    assert evening.line == "dan"


def test_joined_at_grows_while_the_clock_goes_back() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.tick(-3600)
    evening.enter("dan")
    evening.moves(*X_WINS)
    assert evening.order == "ann cat dan bob"


def test_watcher_who_joins_stands_at_the_end() -> None:
    evening = evening_with()
    evening.enter("wes", watch=True)
    evening.enter("ann", "bob", "cat")
    evening.join_line("wes")
    assert evening.order == "ann bob cat wes"
    assert evening.room.spectators == 0


def test_who_leaves_the_line_watches_and_joins_at_the_end() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.leave_line("cat")
    assert (evening.user("cat").status, evening.line) == ("spectator", "dan")
    evening.join_line("cat")
    assert evening.line == "dan cat"


def test_lone_player_who_leaves_the_line_has_no_game_to_concede() -> None:
    evening = evening_with("ann")
    evening.leave_line("ann")
    assert (evening.seats, evening.games) == ("- -", [])


def test_name_is_set_and_costs_nothing() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.rename("cat", "Cat")
    assert evening.user("cat").username == "Cat"
    assert evening.order == "ann bob cat"


def test_name_stays_with_the_row() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.rename("bob", "Bob")
    evening.moves(*X_WINS)
    assert evening.user("bob").username == "Bob"


def test_who_is_gone_can_ask_for_nothing() -> None:
    evening = evening_with("ann")
    with pytest.raises(NoSuchUser):
        evening.rename("bob", "Bob")


def test_max_streak_counts_a_concession() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", house=HouseRules(max_streak=1))
    evening.report("ann", loser="ann")
    assert evening.line == "ann bob"


def test_max_streak_counts_an_opponent_who_leaves() -> None:
    evening = evening_with("ann", "bob", "cat", "dan", house=HouseRules(max_streak=1))
    evening.go("ann")
    assert evening.seats == "cat dan"
    assert evening.line == "bob"


def test_two_alone_go_on_at_max_streak() -> None:
    evening = evening_with("ann", "bob", house=HouseRules(max_streak=1))
    evening.moves(*O_WINS)
    assert evening.order == "ann bob"
    assert evening.seats == "ann bob"


def test_streak_ends_with_leaving_the_seat() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*X_WINS)
    evening.leave_line("ann")
    evening.join_line("ann")
    assert evening.user("ann").streak == 0


def test_streak_ends_with_a_loss() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*X_WINS)
    evening.moves(*O_WINS)
    assert (evening.user("ann").streak, evening.user("bob").streak) == (0, 1)


def test_forgotten_room_resumes_no_game() -> None:
    evening = evening_with("ann", "bob")
    evening.move("ann", 4)
    evening.go("ann")
    evening.go("bob")
    assert (evening.room.users, evening.room.game) == ({}, None)
    evening.enter("cat", "dan")
    assert (evening.game.number, evening.game.position.board) == (1, ".........")


def test_superseded_socket_is_not_heard() -> None:
    evening = evening_with("ann", "bob")
    old_socket = evening.socket("ann")
    evening.come_back("ann")
    with pytest.raises(NotNow):
        evening.play(LeaveLine(*old_socket))
    with pytest.raises(NotNow):
        evening.move_from(old_socket, 0)
    assert evening.seats == "ann bob"
