"""The room's indexes: places, seats, absences and secrets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queue_engine.game_clock import next_deadline
from queue_engine.house import HouseRules
from queue_engine.model import ConnectionId, Game, Marker, Room, Status, User

START = datetime(2026, 11, 22, 20, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def waiting(name: str, since: float, **attributes: Any) -> User:
    user = User(
        connection_id=ConnectionId(name),
        session_id=f"secret of {name}",
        status=Status.INACTIVE,
        joined_at=at(since),
    )
    return replace(user, **attributes)


def seated(name: str, marker: Marker, **attributes: Any) -> User:
    return waiting(name, 0, status=Status.ACTIVE, marker=marker, **attributes)


def playing(**attributes: Any) -> Game:
    game = Game(
        number=1,
        x_id=ConnectionId("x"),
        o_id=ConnectionId("o"),
        moved_at=START,
    )
    return replace(game, **attributes)


def room_with(*users: User) -> Room:
    room = Room("lobby")
    for user in users:
        room.put(user)
    return room


def line(room: Room) -> str:
    return " ".join(name for _, name in room.line)


def test_line_is_ordered_by_joined_at() -> None:
    room = room_with(waiting("c", 3), waiting("a", 1), waiting("b", 2))
    assert line(room) == "a b c"


def test_position_counts_from_one_and_counts_the_absent() -> None:
    users = [waiting("a", 1), waiting("b", 2, absent_until=at(60)), waiting("c", 3)]
    room = room_with(*users)
    assert [room.position(user) for user in users] == [1, 2, 3]


def test_position_in_a_long_line() -> None:
    users = [waiting(f"{number}", number) for number in range(500)]
    room = room_with(*reversed(users))
    assert [room.position(user) for user in users] == list(range(1, 501))


def test_absent_users_are_in_line_but_not_in_the_present_line() -> None:
    room = room_with(waiting("a", 1, absent_until=at(60)), waiting("b", 2))
    assert line(room) == "a b"
    assert [name for _, name in room.present_line] == ["b"]
    assert room.absences == [(at(60), "a")]


def test_putting_a_user_again_moves_them() -> None:
    room = room_with(waiting("a", 1), waiting("b", 2))
    room.put(waiting("a", 3))
    assert line(room) == "b a"


def test_seated_users_are_not_in_line() -> None:
    room = room_with(seated("x", Marker.X), seated("o", Marker.O), waiting("a", 1))
    assert [user.connection_id for user in room.active()] == ["x", "o"]
    assert line(room) == "a"


def test_spectators_are_only_counted() -> None:
    room = room_with(waiting("a", 1, status=Status.SPECTATOR), waiting("b", 2))
    assert (room.spectators, line(room), room.seats) == (1, "b", {})


def test_free_seat_has_nobody() -> None:
    room = room_with(seated("o", Marker.O))
    assert room.seated(Marker.X) is None


def test_dropping_everybody_leaves_nothing() -> None:
    users = [
        seated("x", Marker.X, absent_until=at(60), seat_until=at(15)),
        waiting("a", 1),
        waiting("b", 2, absent_until=at(60)),
        waiting("w", 3, status=Status.SPECTATOR),
    ]
    room = room_with(*users)
    for user in users:
        room.drop(user.connection_id)
        assert room.by_session(user.session_id) is None
    assert (room.users, room.seats, room.spectators) == ({}, {}, 0)
    assert (room.line, room.present_line, room.absences) == ([], [], [])


def test_dropping_a_stranger_does_nothing() -> None:
    room = room_with(waiting("a", 1))
    room.drop(ConnectionId("zoe"))
    assert line(room) == "a"


def test_user_is_found_by_the_secret_alone() -> None:
    room = room_with(waiting("a", 1))
    assert room.by_session("secret of a") == waiting("a", 1)
    assert room.by_session("a") is None
    assert room.by_session("secret of zoe") is None


def test_secret_that_is_changed_opens_no_more() -> None:
    room = room_with(waiting("a", 1))
    room.put(waiting("a", 1, session_id="another"))
    assert room.by_session("secret of a") is None
    assert room.by_session("another") is not None


def test_secret_of_two_users_is_the_later_ones() -> None:
    room = room_with(waiting("a", 1), waiting("b", 2, session_id="secret of a"))
    room.drop(ConnectionId("a"))
    assert room.by_session("secret of a") == room.users[ConnectionId("b")]


def test_given_places_are_not_forgotten() -> None:
    room = room_with(waiting("a", 1), waiting("b", 9))
    room.drop(ConnectionId("b"))
    assert room.latest_joined_at == at(9)


def test_replayed_seat_of_long_ago_takes_nobodys_seat() -> None:
    room = room_with(seated("a", Marker.X))
    room.put(seated("b", Marker.X))
    room.put(waiting("a", 1))
    assert room.seats == {Marker.X: "b"}


X_HERE, O_HERE = PLAYERS = [seated("x", Marker.X), seated("o", Marker.O)]
X_AWAY = replace(X_HERE, absent_until=at(60), seat_until=at(15))


@pytest.mark.parametrize(
    ("users", "game", "deadline"),
    [
        ([], None, None),
        ([waiting("a", 1)], None, None),
        ([waiting("a", 1, absent_until=at(60))], None, at(60)),
        ([seated("x", Marker.X, absent_until=at(60), seat_until=at(15))], None, at(15)),
        (PLAYERS, playing(deadline=at(30)), at(30)),
        ([*PLAYERS, waiting("a", 1, absent_until=at(9))], playing(deadline=at(30)), at(9)),
        ([*PLAYERS, waiting("a", 1)], playing(deadline=at(30)), at(30)),
        ([X_AWAY, O_HERE], playing(), at(15)),
        ([X_AWAY, O_HERE], playing(x_waited=20.0), at(10)),
        ([X_AWAY, O_HERE], playing(x_waited=20.0, deadline=at(5)), at(5)),
    ],
)
def test_next_deadline_is_the_earliest(
    users: list[User], game: Game | None, deadline: datetime | None
) -> None:
    room = room_with(*users)
    room.game = game
    assert next_deadline(room, HouseRules()) == deadline
