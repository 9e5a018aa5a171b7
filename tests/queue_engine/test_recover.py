"""A server that starts again, and other hands in the table (design, rules 8 and 11)."""

from datetime import UTC, datetime, timedelta

from queue_engine.commands import Recover
from queue_engine.house import HouseRules
from queue_engine.model import Marker, Status
from tests.queue_engine.evening import DRAW, OWNER, X_WINS, evening_with


def test_after_a_restart_everybody_has_place_seat_and_board() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.moves(4, 0)
    evening.restart()
    evening.wait(179)
    for name in ("dan", "bob", "cat", "ann"):
        evening.come_back(name)
    assert (evening.seats, evening.line) == ("ann bob", "cat dan")
    assert evening.game.position.board == "O...X...."


def test_after_a_restart_the_absent_are_removed_in_time() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.restart()
    evening.come_back("cat")
    evening.wait(180)
    assert (evening.seats, evening.line) == ("cat -", "")


def test_restart_removes_seed_clients_and_fills_seats_first() -> None:
    evening = evening_with("ann", seed=True)
    evening.enter("bob", "cat", "dan")
    evening.vanish("cat")
    evening.restart()
    assert evening.last_result == ("abandoned", "bob")
    assert (evening.seats, evening.line) == ("cat bob", "dan")


def test_restart_makes_everybody_absent_as_of_now() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.tick(3600)
    evening.restart()
    assert not any(user.present for user in evening.room.users.values())
    evening.wait(179)
    assert evening.order == "ann bob cat"


def test_restart_holds_seats_as_long_as_places_this_once() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.restart()
    evening.wait(179)
    assert evening.seats == "ann bob"
    evening.come_back("ann", "bob")
    evening.vanish("ann")
    evening.wait(15)
    assert evening.last_result == ("abandoned", "bob")


def test_restart_gives_up_what_nobody_comes_back_for() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.restart()
    evening.wait(180)
    assert (evening.room.users, evening.room.game) == ({}, None)


def test_restart_gives_a_whole_window_to_who_was_absent_before() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.vanish("cat")
    evening.tick(3600)
    evening.restart()
    evening.wait(179)
    assert evening.line == "cat"


def test_restart_fills_the_seats_before_a_newcomer() -> None:
    evening = evening_with()
    evening.enter("sam", "sue", seed=True)
    evening.enter("ann", "bob")
    evening.restart()
    evening.enter("zoe")
    assert evening.seats == "ann bob"


def test_restart_ends_the_game_of_a_seed_client() -> None:
    evening = evening_with("ann")
    evening.enter("sam", seed=True)
    evening.restart()
    assert evening.last_result == ("abandoned", "ann")


def test_restart_stops_the_clock_until_both_are_back() -> None:
    evening = evening_with("ann", "bob")
    evening.wait(10)
    evening.restart()
    assert evening.game.deadline is None
    evening.come_back("ann", "bob")
    assert evening.seconds_to_move == 20


def test_restart_keeps_watchers_and_names() -> None:
    evening = evening_with("ann", "bob")
    evening.enter("wes", watch=True)
    evening.rename("wes", "Wes")
    evening.restart()
    evening.come_back("wes")
    assert (evening.user("wes").status, evening.user("wes").username) == ("spectator", "Wes")


def test_restart_spares_whom_another_process_holds() -> None:
    evening = evening_with("ann", "bob")
    evening.play(Recover(living=(OWNER, "another process")))
    assert all(user.present for user in evening.room.users.values())


def test_restart_without_a_resume_window_empties_the_room() -> None:
    evening = evening_with("ann", "bob", "cat", house=HouseRules(resume_seconds=0))
    evening.restart()
    evening.wait(0)
    assert evening.room.users == {}


def test_restart_with_the_clock_gone_back_keeps_the_order() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.tick(-3600)
    evening.restart()
    evening.enter("dan")
    assert evening.order == "ann bob cat dan"


def test_deleted_player_loses_the_game() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.delete("ann")
    assert evening.last_result == ("abandoned", "bob")
    assert evening.seats == "cat bob"
    assert evening.user("bob").streak == 1


def test_deleted_players_leave_a_game_without_a_winner() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.delete("ann", "bob")
    assert evening.last_result == ("abandoned", None)
    assert evening.seats == "cat dan"


def test_deleted_guest_is_out_of_the_line() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.delete("cat")
    assert evening.line == "dan"
    assert evening.game.number == 1


def test_last_deletion_forgets_the_game() -> None:
    evening = evening_with("ann", "bob")
    evening.delete("ann", "bob")
    assert evening.room.game is None


def test_deleted_game_is_replaced_by_a_fresh_one() -> None:
    evening = evening_with("ann", "bob")
    evening.move("ann", 4)
    evening.delete_game()
    assert evening.game.position.board == "........."


def test_row_inserted_by_hand_is_absent() -> None:
    evening = evening_with("ann")
    evening.insert("bob")
    assert evening.line == "bob"
    evening.wait(180)
    assert "bob" not in evening.room.users


def test_row_inserted_by_hand_waits_for_its_owner() -> None:
    evening = evening_with("ann")
    evening.insert("bob")
    evening.come_back("bob")
    assert evening.seats == "ann bob"


def test_name_changed_by_hand_makes_nobody_absent() -> None:
    evening = evening_with("ann", "bob")
    evening.edit("ann", username="Annie")
    assert evening.user("ann").username == "Annie"
    assert evening.user("ann").present


def test_guest_seated_by_hand_plays_to_a_draw() -> None:
    evening = evening_with("ann")
    evening.enter("bob", watch=True)
    evening.edit("bob", status=Status.ACTIVE, marker=Marker.O)
    evening.moves(*DRAW)
    assert evening.last_result == ("draw", None)


def test_guest_unseated_by_hand_loses_the_game() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.edit("ann", status=Status.SPECTATOR, marker=None, seated_at=None)
    assert evening.last_result == ("abandoned", "bob")
    assert evening.seats == "cat bob"


def test_row_copied_by_hand_with_its_secret_can_be_deleted() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.insert("twin", session_id=evening.user("cat").session_id)
    evening.delete("twin")
    evening.go("cat")
    assert evening.order == "ann bob"


def test_result_of_before_a_restart_is_not_reported_again() -> None:
    evening = evening_with("ann", "bob")
    evening.moves(*X_WINS)
    evening.restart()
    assert (evening.game.number, evening.user("ann").streak) == (2, 1)


def test_place_kept_for_ever_by_hand_outlasts_an_outage() -> None:
    evening = evening_with("ann")
    evening.insert("bob")
    evening.edit("bob", absent_until=datetime.max.replace(tzinfo=UTC))
    evening.hold(30)
    assert evening.line == "bob"


def test_player_made_absent_by_hand_who_steps_down_holds_no_seat() -> None:
    evening = evening_with("ann", "bob")
    soon = evening.now + timedelta(seconds=10)
    evening.edit("ann", absent_until=soon, seat_until=soon)
    evening.leave_line("ann")
    assert evening.user("ann").seat_until is None


def test_absent_row_that_is_called_present_by_hand_is_no_ghost() -> None:
    evening = evening_with("ann", "bob", "cat", "dan")
    evening.vanish("cat")
    evening.edit("cat", absent_until=None)
    assert not evening.user("cat").present
    evening.go("ann")
    assert (evening.seats, evening.line) == ("dan bob", "cat")
    evening.come_back("cat")
    evening.edit("cat", username="Cat")
    assert evening.user("cat").present


def test_row_whose_generation_is_changed_by_hand_has_lost_its_socket() -> None:
    evening = evening_with("ann", "bob", "cat")
    evening.edit("cat", generation=7)
    assert not evening.user("cat").present


def test_late_close_of_an_old_socket_leaves_the_new_one_here() -> None:
    evening = evening_with("ann", "bob")
    old = evening.socket("ann")
    evening.come_back("ann")
    evening.disconnect(old)
    evening.edit("ann", username="Annie", owner="")
    assert evening.user("ann").present
