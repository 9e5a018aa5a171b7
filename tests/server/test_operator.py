"""The database edited by hand while people play, and the database that cannot be written."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.lab.player import Player, table
from tests.lab.raw import Raw
from tests.lab.server_process import ServerProcess


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return (
        *("--messages-per-second", "10000", "--burst", "10000"),
        *("--seat-seconds", "1.5", "--resume-seconds", "3"),
    )


@contextmanager
def database(house: ServerProcess) -> Iterator[sqlite3.Connection]:
    """Open the server's file as the sqlite3 shell would; every statement commits."""
    connection = sqlite3.connect(house.database, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def by_hand(house: ServerProcess, statement: str, *values: Any) -> None:
    with database(house) as connection:
        connection.execute(statement, values)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if it takes longer; twice as long is allowed, for other tests run beside this one."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 2 * seconds


async def status_of(player: Player, **message: Any) -> int:
    return int((await player.ask(**message))["statusCode"])


async def test_row_inserted_by_hand_is_absent(house: ServerProcess, url: str, room: str) -> None:
    ann, seed = await Player.join(url), await Player.join(url, seed=True)
    with within(1):
        by_hand(
            house,
            "INSERT INTO users (connection_id, room, username) VALUES ('by-hand', ?, 'Hand')",
            room,
        )
        for player in (ann, seed):
            await player.until_absent("by-hand")
    assert ann.users["by-hand"]["username"] == "Hand"
    assert ann.users["by-hand"]["status"] == "inactive"
    # It does not get the seat that becomes free, and in time its place is given up.
    await seed.leave()
    await ann.until_true(lambda: ann.game is None)
    assert "marker" not in ann.users["by-hand"]
    await ann.until_true(lambda: "by-hand" not in ann.users)
    assert ann.waiting == 0


async def test_row_inserted_into_an_empty_room_is_absent(
    house: ServerProcess, url: str, room: str
) -> None:
    insert = "INSERT INTO users (connection_id, room) VALUES ('early', ?)"
    by_hand(house, insert, room)
    ann, bob = [await Player.join(url) for _ in range(2)]
    await ann.until_absent("early")
    await ann.until_true(lambda: ann.game is not None)
    assert (ann.marker, bob.marker) == ("X", "O")
    await ann.until_true(lambda: "early" not in ann.users)


async def test_row_that_is_called_present_by_hand_is_no_ghost(
    house: ServerProcess, url: str
) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    cleo.vanish()
    await ann.until_absent(cleo.id)
    first = ann.users[cleo.id]["absent"]
    by_hand(house, "UPDATE users SET absent_until = NULL WHERE connection_id = ?", cleo.id)
    # Absent once more, from now on, and never seated.
    await ann.until_true(lambda: ann.users[cleo.id].get("absent", first) != first)
    await bob.leave()
    await ann.until_true(lambda: ann.game is None)
    assert ann.users[cleo.id]["status"] == "inactive"
    back = await Player.join(url, session=cleo.session)
    assert (back.id, back.marker) == (cleo.id, "O")


async def test_many_rows_inserted_one_by_one_are_all_absent(
    house: ServerProcess, url: str, room: str
) -> None:
    ann, bob = await table(url)
    # All along, not at the end: the first may have been given up by then.
    absent: set[str] = set()

    async def look() -> None:
        while len(absent) < 60:
            await bob.receive()
            absent.update(user_id for user_id, user in bob.users.items() if "absent" in user)

    async def play() -> None:
        for number in range(60):
            await ann.ask(action="updateDB", username=f"Ann {number}")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(look())
        tasks.create_task(play())
        with database(house) as connection:
            insert = "INSERT INTO users (connection_id, room) VALUES (?, ?)"
            for number in range(60):
                connection.execute(insert, (f"hand-{number}", room))
                await asyncio.sleep(0.005)


async def test_seat_taken_by_hand_is_held_and_given_up(
    house: ServerProcess, url: str, room: str
) -> None:
    ann = await Player.join(url)
    by_hand(
        house,
        "INSERT INTO users (connection_id, room, status, marker) "
        "VALUES ('sitter', ?, 'active', 'O')",
        room,
    )
    await ann.until_true(lambda: ann.game is not None and ann.game["players"]["O"] == "sitter")
    await ann.until_absent("sitter")
    assert await status_of(ann, action="makeMove", cell=0) == 409
    game = await ann.ended()
    assert (game["status"], game["winner"]) == ("abandoned", "X")


async def test_name_changed_by_hand(house: ServerProcess, url: str) -> None:
    ann, bob = await table(url)
    with within(1):
        by_hand(house, "UPDATE users SET username = 'Anne' WHERE connection_id = ?", ann.id)
        await bob.until_named(ann.id, "Anne")
    # The next commit of the server is computed from what the hand wrote.
    assert await status_of(ann, action="makeMove", cell=0) == 200
    await bob.hear_all()
    assert bob.users[ann.id]["username"] == "Anne"


async def test_message_right_after_a_change_by_hand(house: ServerProcess, url: str) -> None:
    ann, bob = await table(url)
    for number in range(10):
        by_hand(
            house,
            "UPDATE users SET username = ? WHERE connection_id = ?",
            f"by hand {number}",
            bob.id,
        )
        # The server has not heard of it yet: its commit is refused, and played again.
        assert await status_of(ann, action="updateDB", username=f"Ann {number}") == 200
    await ann.until_named(bob.id, "by hand 9")
    await ann.until_named(ann.id, "Ann 9")


async def test_moves_of_both_and_a_hand_in_between(house: ServerProcess, url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    for turn, cell in enumerate("03142"):
        by_hand(
            house,
            "UPDATE users SET username = ? WHERE connection_id = ?",
            f"hand {turn}",
            cleo.id,
        )
        assert await status_of((ann, bob)[turn % 2], action="makeMove", cell=int(cell)) == 200
    game = await cleo.ended()
    assert (game["status"], game["line"]) == ("won", [0, 1, 2])
    await cleo.until_marker("O")


async def test_game_deleted_by_hand(house: ServerProcess, url: str, room: str) -> None:
    ann, bob = await table(url)
    await ann.move(4)
    await bob.until_board("....X....")
    with within(1):
        by_hand(house, "DELETE FROM games WHERE room = ?", room)
        await bob.until_board(".........")
    assert bob.game is not None
    assert bob.game["players"] == {"X": ann.id, "O": bob.id}
    assert await status_of(ann, action="makeMove", cell=4) == 200


@pytest.mark.parametrize("who", ["X", "O", "both", "X and the game", "all who wait"])
async def test_players_deleted_in_mid_game(
    house: ServerProcess, url: str, room: str, who: str
) -> None:
    players = await table(url, waiting=3)
    ann, bob, cleo, dan, eve = players
    await ann.move(4)
    where, gone = {
        "X": ("marker = 'X'", [ann]),
        "O": ("marker = 'O'", [bob]),
        "both": ("marker IS NOT NULL", [ann, bob]),
        "X and the game": ("marker = 'X'", [ann]),
        "all who wait": ("marker IS NULL", [cleo, dan, eve]),
    }[who]
    with within(1.5):
        with database(house) as connection:
            connection.execute("BEGIN")
            connection.execute(f"DELETE FROM users WHERE {where} AND room = ?", (room,))
            if "game" in who:
                connection.execute("DELETE FROM games WHERE room = ?", (room,))
            connection.execute("COMMIT")
        for player in gone:
            assert (await player.closed())[0] == 4002
        left = [player for player in players if player not in gone]
        ids = [player.id for player in left]
        for player in left:
            await player.until_true(partial(_shows, player, ids))
    first, second = left[:2]
    newcomer = await Player.join(url)
    assert newcomer.game is not None
    assert set(newcomer.game["players"].values()) == {first.id, second.id}
    assert newcomer.game["status"] == "playing"
    assert newcomer.users.keys() == {*ids, newcomer.id}
    if who in ("X", "O"):
        ended = [m["game"] for m in eve.messages if m.get("game")]
        assert [(g["status"], g["winner"]) for g in ended if g["turn"] is None] == [
            ("abandoned", "O" if who == "X" else "X")
        ]
    x_id = newcomer.game["players"]["X"]
    to_move = first if (x_id == first.id) is (newcomer.game["turn"] == "X") else second
    assert await status_of(to_move, action="makeMove", cell=8) == 200


def _shows(player: Player, ids: list[str]) -> bool:
    """Tell whether these users are shown in this order, two of them as players."""
    active = sum(user["status"] == "active" for user in player.line)
    return [user["connectionId"] for user in player.line] == ids and active == 2


async def test_locked_database(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--move-seconds", "3", "--seat-seconds", "2", "--resume-seconds", "4")
    ann, bob, cleo = await table(server.ws_url, waiting=1)
    dan = await Player.join(server.ws_url)
    dan.vanish()
    await cleo.until_absent(dan.id)
    place_until = datetime.fromisoformat(cleo.users[dan.id]["absent"])
    assert ann.game is not None
    deadline = datetime.fromisoformat(ann.game["deadline"])
    with database(server) as hand:
        hand.execute("BEGIN EXCLUSIVE")
        locked = time.monotonic()
        response = await ann.ask(action="makeMove", cell=0)
        assert response["statusCode"] == 503
        assert response["body"]["message"]
        # What needs no writing goes on; what was refused has changed nothing.
        assert await status_of(cleo, action="sendInfo") == 200
        assert await status_of(cleo, action="makeMove", cell="0") == 400
        statuses = await asyncio.gather(
            status_of(bob, action="updateDB", username="Bob"),
            status_of(cleo, action="leaveQueue"),
        )
        assert list(statuses) == [503, 503]
        # A newcomer is told to try again, and whoever leaves meanwhile is not forgotten.
        raw = await Raw.upgrade(server.port, "/")
        assert await raw.close_code() == 1013
        await cleo.leave()
        # Hold it until the clock and the place would both have run out.
        while time.monotonic() - locked < 4.5:
            assert await status_of(ann, action="updateDB", username="Ann") == 503
        hand.execute("ROLLBACK")
    healed = time.monotonic()
    outage = healed - locked
    while await status_of(ann, action="makeMove", cell=0) != 200:
        assert time.monotonic() - healed < 3
    # Clocks stood still: nobody lost on time, and the absent one still has the place.
    await bob.until_board("X........")
    assert "timeout" not in str(bob.messages)
    await bob.until_true(lambda: cleo.id not in bob.users)
    later = datetime.fromisoformat(bob.users[dan.id]["absent"])
    assert outage - 2 < (later - place_until).total_seconds() < outage + 2
    back = await Player.join(server.ws_url, session=dan.session)
    assert back.id == dan.id
    assert back.standing["position"] == 1
    assert bob.game is not None
    assert deadline < datetime.fromisoformat(bob.game["deadline"])
    assert await status_of(bob, action="makeMove", cell=4) == 200


async def test_readiness_and_reads_survive_a_writer(house: ServerProcess, url: str) -> None:
    ann = await Player.join(url)
    with database(house) as hand:
        hand.execute("BEGIN IMMEDIATE")
        raw = await Raw.connect(house.port)
        status, _ = await raw.request(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == 200
        hand.execute("ROLLBACK")
    assert await status_of(ann, action="updateDB", username="Ann") == 200


HAND_EDITS = {
    "unseated": "UPDATE users SET status = 'inactive', marker = NULL WHERE {mine} AND marker = 'X'",
    "made a spectator": "UPDATE users SET status = 'spectator', marker = NULL "
    "WHERE {mine} AND marker = 'O'",
    "a game of strangers": "UPDATE games SET x_id = 'nobody', o_id = 'nobody' WHERE {mine}",
    "a game of one stranger": "UPDATE games SET x_id = 'nobody' WHERE {mine}",
    "a full board": "UPDATE games SET moves = '0,1,2,4,3,5,7,6,8' WHERE {mine}",
    "a board that is won": "UPDATE games SET moves = '0,3,1,4,2' WHERE {mine}",
    "moves that nobody can make": "UPDATE games SET moves = '0,0,99' WHERE {mine}",
    "a game that nobody knows": "UPDATE games SET kind = 'chess' WHERE {mine}",
    "first the other": "UPDATE games SET first = 'O' WHERE {mine}",
    "a won game": "UPDATE games SET status = 'won', turn = NULL WHERE {mine}",
    "the other's turn": "UPDATE games SET turn = 'O' WHERE {mine}",
    "no turn": "UPDATE games SET turn = NULL WHERE {mine}",
    "a clock long run out": "UPDATE games SET deadline = '2001-01-01T00:00:00.000000+00:00' "
    "WHERE {mine}",
    "a clock that never stops": "UPDATE games SET deadline = '9999-12-31T23:59:59.999999+00:00' "
    "WHERE {mine}",
    "another game's number": "UPDATE games SET number = 1000000000000000 WHERE {mine}",
    "moved to another room": "UPDATE users SET room = room || '-x' WHERE {mine} AND marker = 'X'",
    "all moved": "UPDATE users SET room = room || '-x' WHERE {mine}",
    "renamed key": "UPDATE users SET connection_id = room || 'new' WHERE {mine} AND marker = 'X'",
    "another session": "UPDATE users SET session_id = 'guessed' WHERE {mine} AND marker = 'X'",
    "one session for all": "UPDATE OR IGNORE users SET session_id = 'shared' WHERE {mine}",
    "absent since long": "UPDATE users SET absent_until = '2001-01-01T00:00:00.000000+00:00' "
    "WHERE {mine} AND marker IS NULL",
    "absent seats": "UPDATE users SET seat_until = '2001-01-01T00:00:00.000000+00:00', "
    "absent_until = '2001-01-01T00:00:00.000000+00:00' WHERE {mine} AND marker IS NOT NULL",
    "joined at the end of time": "UPDATE users SET joined_at = '9999-12-31T23:59:59.999999+00:00' "
    "WHERE {mine} AND marker IS NULL",
    "all joined at once": "UPDATE users SET joined_at = '2020-01-01T00:00:00.000000+00:00' "
    "WHERE {mine}",
    "of the seed": "UPDATE users SET resumable = 0 WHERE {mine}",
    "a long streak": "UPDATE users SET streak = 1000000000000000 WHERE {mine} AND marker = 'X'",
    "owned by nobody": "UPDATE users SET owner = '' WHERE {mine}",
    "an endless name": "UPDATE users SET username = printf('%200s', 'x') WHERE {mine}",
    "an odd name": "UPDATE users SET username = char(0, 10, 8238, 65) WHERE {mine}",
    "replaced": "INSERT OR REPLACE INTO users (connection_id, room) "
    "SELECT connection_id, room FROM users WHERE {mine}",
}


@pytest.mark.parametrize("edit", HAND_EDITS.values(), ids=HAND_EDITS.keys())
async def test_room_survives_any_edit(house: ServerProcess, url: str, room: str, edit: str) -> None:
    players = await table(url, waiting=3)
    other = await Player.join(f"{url}-other")
    by_hand(house, edit.format(mine=f"room = '{room}'"))
    for player in players:
        with suppress(ConnectionClosed):
            for cell in range(9):
                await player.say(action="makeMove", cell=cell)
            await player.say(action="updateDB", username="me")
            await player.say(action="gameOVER", loserId=player.id)
            await player.say(action="leaveQueue")
            await player.say(action="joinQueue")
    # Two who come now will play before long, whatever has been done to the others.
    first, second = [await Player.join(url) for _ in range(2)]
    for player in players:
        await player.leave()
    await first.until_true(lambda: {first.id, second.id} == _playing(first))
    x, o = (first, second) if first.marker == "X" else (second, first)
    await x.until_marker("X")
    assert await status_of(x, action="makeMove", cell=4) == 200
    await o.until_board("....X....")
    assert await status_of(other, action="updateDB", username="Other") == 200


def _playing(player: Player) -> set[str]:
    return set(player.game["players"].values()) if player.game else set()


async def test_rows_deleted_behind_the_streams_back_are_noticed(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server("--max-connections-per-address", "3")
    ann, bob, cleo = await table(server.ws_url, waiting=1)
    with database(server) as hand:
        hand.executescript(
            f"BEGIN; DELETE FROM users WHERE connection_id = '{cleo.id}';"
            " DELETE FROM stream; DELETE FROM sqlite_sequence; COMMIT"
        )
    assert (await cleo.closed())[0] == 4002
    await ann.until_true(lambda: cleo.id not in ann.users)
    dan = await Player.join(server.ws_url)  # there is a place of the address again
    await bob.until_true(lambda: dan.id in bob.users)
    assert await status_of(ann, action="makeMove", cell=4) == 200
    await dan.until_board("....X....")


async def test_stream_is_trimmed_to_what_the_server_may_keep(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    await Player.join(server.ws_url)
    by_hand(
        server,
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2500)"
        " INSERT INTO stream (room, event_name, item, new_image)"
        " SELECT 'annex', 'INSERT', 'users', new_image FROM n, stream WHERE sequence = 1",
    )
    server.kill()
    again = start_server("--max-records", "1000")
    with database(again) as connection:
        async with asyncio.timeout(10):
            # What the start itself writes comes on top of it.
            while connection.execute("SELECT count(*) FROM stream").fetchone()[0] > 1050:
                raw = await Raw.connect(again.port)
                await raw.request(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
