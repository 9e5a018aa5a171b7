"""Users and games as a store keeps them: nothing is lost on the way there and back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_engine.changes import Change, GameChange, UserChange
from queue_engine.items import game_item, iso, to_game, to_item_change, to_user, user_item
from queue_engine.model import ConnectionId, Game, GameStatus, Marker, Report, Status, User
from storage.contract import EventName, Table

TEXTS = st.text(max_size=40)
IDS = TEXTS.map(ConnectionId)
MOMENTS = st.datetimes(timezones=st.just(UTC))
MARKERS = st.sampled_from(Marker)

USERS = st.builds(
    User,
    connection_id=IDS,
    session_id=TEXTS,
    status=st.sampled_from(Status),
    joined_at=MOMENTS,
    username=st.none() | TEXTS,
    marker=st.none() | MARKERS,
    seated_at=st.none() | MOMENTS,
    streak=st.integers(0, 1_000_000),
    resumable=st.booleans(),
    absent_until=st.none() | MOMENTS,
    seat_until=st.none() | MOMENTS,
    owner=TEXTS,
    generation=st.integers(0, 2**40),
)
GAMES = st.builds(
    Game,
    number=st.integers(1, 2**40),
    moves=st.permutations(range(9)).flatmap(
        lambda cells: st.integers(0, 9).map(lambda number: tuple(cells[:number]))
    ),
    first=MARKERS,
    x_id=IDS,
    o_id=IDS,
    status=st.sampled_from(GameStatus),
    winner=st.none() | MARKERS,
    moved_at=MOMENTS,
    deadline=st.none() | MOMENTS,
    time_left=st.none() | st.floats(0, 1e6),
    x_waited=st.floats(0, 1e6),
    o_waited=st.floats(0, 1e6),
    report=st.none() | st.builds(Report, loser=IDS, by=IDS, at=MOMENTS),
)

ANN = User(
    connection_id=ConnectionId("ann"),
    session_id="secret",
    status=Status.INACTIVE,
    joined_at=datetime(2026, 11, 22, 20, tzinfo=UTC),
)
GAME = Game(
    number=1,
    moves=(0,),
    x_id=ConnectionId("ann"),
    o_id=ConnectionId("bob"),
    moved_at=ANN.joined_at,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(USERS)
def test_user_comes_back_from_its_row(user: User) -> None:
    assert to_user(user_item("lobby", user)) == user


@settings(max_examples=40, deadline=None, derandomize=True)
@given(GAMES)
def test_game_comes_back_from_its_row(game: Game) -> None:
    assert to_game(game_item("lobby", game)) == game


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC))))
def test_text_order_is_time_order(moments: list[datetime]) -> None:
    assert sorted(iso(moment) for moment in moments) == [iso(moment) for moment in sorted(moments)]


def test_moment_is_written_with_microseconds_and_offset() -> None:
    assert iso(ANN.joined_at) == "2026-11-22T20:00:00.000000+00:00"


def test_row_holds_nothing_but_text_and_numbers() -> None:
    row = user_item("lobby", ANN)
    assert all(value is None or type(value) in (str, int) for value in row.values())
    assert (row["room"], row["status"], row["resumable"]) == ("lobby", "inactive", 1)


@pytest.mark.parametrize(
    ("change", "event_name", "table"),
    [
        (UserChange(None, ANN), EventName.INSERT, Table.USERS),
        (UserChange(ANN, ANN), EventName.MODIFY, Table.USERS),
        (UserChange(ANN, None), EventName.REMOVE, Table.USERS),
        (GameChange(None, GAME), EventName.INSERT, Table.GAMES),
        (GameChange(GAME, GAME), EventName.MODIFY, Table.GAMES),
        (GameChange(GAME, None), EventName.REMOVE, Table.GAMES),
    ],
)
def test_change_becomes_an_event(change: Change, event_name: EventName, table: Table) -> None:
    item_change = to_item_change("lobby", change)
    assert (item_change.event_name, item_change.table) == (event_name, table)
    assert (item_change.old_image is None) == (change.old is None)
    assert (item_change.new_image is None) == (change.new is None)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"moves": "0,0"}, ("tictactoe", ())),
        ({"moves": "0,9"}, ("tictactoe", ())),
        ({"moves": ","}, ("tictactoe", ())),
        ({"moves": "4,0", "kind": "chess"}, ("tictactoe", ())),
        ({"moves": "4,0"}, ("tictactoe", (4, 0))),
    ],
)
def test_game_that_cannot_have_been_played_begins_again(
    columns: dict[str, str], expected: tuple[str, tuple[int, ...]]
) -> None:
    game = to_game({**game_item("lobby", GAME), **columns})
    assert (game.kind, game.moves) == expected
