"""Changes of one game are merged, but for its end."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from queue_engine.changes import Change, GameChange, UserChange, apply, merged
from queue_engine.model import ConnectionId, Game, GameStatus, Marker, Room, Status, User

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
GAME = Game(number=1, x_id=ConnectionId("ann"), o_id=ConnectionId("bob"), moved_at=NOW)
MOVED = replace(GAME, moves=(4,))
TIMED = replace(MOVED, deadline=NOW)
WON = replace(TIMED, status=GameStatus.WON, winner=Marker.X)
NEXT = replace(GAME, number=2)
CAT = User(connection_id=ConnectionId("cat"), session_id="c", status=Status.INACTIVE, joined_at=NOW)


def steps(*games: Game | None) -> list[Change]:
    return [GameChange(old, new) for old, new in pairwise(games)]


def test_move_and_clock_are_one_change() -> None:
    assert merged(steps(GAME, MOVED, TIMED)) == [GameChange(GAME, TIMED)]


def test_changes_of_users_in_between_keep_their_order() -> None:
    first, second = steps(GAME, MOVED, TIMED)
    came = UserChange(None, CAT)
    assert merged([first, came, second]) == [came, GameChange(GAME, TIMED)]


def test_end_of_a_game_and_the_next_game_stay_apart() -> None:
    changes = steps(GAME, MOVED, WON, NEXT, replace(NEXT, deadline=NOW), None)
    assert merged(changes) == [
        GameChange(GAME, WON),
        GameChange(WON, replace(NEXT, deadline=NOW)),
        GameChange(replace(NEXT, deadline=NOW), None),
    ]


def test_merged_changes_lead_to_the_same_room() -> None:
    changes = steps(None, GAME, MOVED, TIMED, WON, NEXT)
    one, other = Room("lobby"), Room("lobby")
    apply(one, changes)
    apply(other, merged(changes))
    assert one.game == other.game == NEXT
