"""Who may do what, and when: every route, from every standing, with its effect."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.lab.player import Message, Player, table


async def play(x: Player, o: Player, cells: str) -> None:
    """Mark the cells in turn, X first."""
    for turn, cell in enumerate(cells):
        response = await (o if turn % 2 else x).move(int(cell))
        assert response["statusCode"] == 200


async def result(player: Player, status: str) -> Message:
    """Return the next game that ended so."""
    message = await player.until(lambda m: bool(m.get("game")) and m["game"]["status"] == status)
    game: Message = message["game"]
    return game


async def status_of(player: Player, **message: Any) -> int:
    response = await player.ask(**message)
    return int(response["statusCode"])


async def test_first_four_messages_of_every_kind_of_client(url: str) -> None:
    for seed, watch in ((False, False), (True, False), (False, True), (False, False)):
        player = await Player.join(url, seed=seed, watch=watch)
        kinds = [message.get("action", "hello") for message in player.messages]
        assert kinds == ["hello", "joinedQueue", "queueUpdate", "gameUpdate"]


async def test_wire_format_to_the_letter(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    await Player.join(url, watch=True)
    await cleo.until_true(lambda: cleo.spectators == 1)
    assert ann.hello.keys() == {"message", "connectionId", "sessionId", "room", "now"}
    assert cleo.standing == {"action": "joinedQueue", "status": "inactive", "position": 1}
    newcomer = await Player.join(url)
    update, game = newcomer.messages[2:4]
    assert update.keys() == {"action", "sequence", "waiting", "spectators", "data"}
    assert (update["waiting"], update["spectators"]) == (2, 1)
    waiting = {"connectionId", "status", "joinedAt"}
    assert [user.keys() for user in update["data"]] == [
        waiting | {"marker"},
        waiting | {"marker"},
        waiting,
        waiting,
    ]
    ids = [user["connectionId"] for user in update["data"]]
    assert ids == [ann.id, bob.id, cleo.id, newcomer.id]
    assert game["game"].keys() == {
        "number",
        "kind",
        "board",
        "moves",
        "first",
        "turn",
        "players",
        "status",
        "deadline",
    }
    assert [game["game"][key] for key in ("kind", "moves", "first")] == ["tictactoe", [], "X"]
    assert game["game"]["players"] == {"X": ann.id, "O": bob.id}
    assert (game["game"]["number"], game["game"]["turn"]) == (1, "X")
    for moment in [ann.hello["now"], *(user["joinedAt"] for user in update["data"])]:
        assert len(moment) == len("2026-01-01T00:00:00.000000+00:00")
        assert moment.endswith("+00:00")
    response = await newcomer.ask(action="joinQueue")
    assert response.keys() == {"action", "route", "requestId", "statusCode", "body"}


@pytest.mark.parametrize(
    ("message", "seated", "waiting", "watching"),
    [
        ({"action": "joinQueue"}, 200, 200, 200),
        ({"action": "sendInfo"}, 200, 200, 200),
        ({"action": "updateDB", "username": "Ann"}, 200, 200, 200),
        ({"action": "makeMove", "cell": 4}, 200, 403, 403),
        ({"action": "makeMove", "cell": "4"}, 400, 400, 400),
        ({"action": "gameOVER", "loserId": "nobody"}, 404, 403, 403),
        ({"action": "gameOVER"}, 400, 400, 400),
        ({"action": "$disconnect"}, 403, 403, 403),
        ({"action": "leaveQueue"}, 200, 200, 200),
    ],
    ids=str,
)
async def test_who_may_do_what(
    url: str, message: Message, seated: int, waiting: int, watching: int
) -> None:
    ann, _, cleo = await table(url, waiting=1)
    screen = await Player.join(url, watch=True)
    statuses = [await status_of(player, **message) for player in (ann, cleo, screen)]
    assert statuses == [seated, waiting, watching]


async def test_join_queue_never_costs_a_place(url: str) -> None:
    ann, bob, cleo, dan = await table(url, waiting=2)
    for player in (ann, cleo, dan):
        before = player.standing
        await player.say(action="joinQueue")
        assert await player.until(lambda m: m.get("action") == "joinedQueue") == before
    newcomer = await Player.join(url)
    assert [user["connectionId"] for user in newcomer.line] == [
        *(p.id for p in (ann, bob, cleo, dan, newcomer))
    ]


async def test_every_hello_tells_the_time_that_deadlines_are_meant_by(url: str) -> None:
    ann, _, _ = await table(url, waiting=1)
    first = datetime.fromisoformat(ann.hello["now"])
    await ann.ask(action="sendInfo")
    second = datetime.fromisoformat(ann.hello["now"])
    assert ann.game is not None
    begun = datetime.fromisoformat(ann.game["deadline"]) - timedelta(seconds=30)
    assert datetime.fromisoformat(ann.users[ann.id]["joinedAt"]) <= first < begun < second


async def test_who_left_the_line_joins_its_end(url: str) -> None:
    _, _, cleo, dan = await table(url, waiting=2)
    await cleo.ask(action="leaveQueue")
    await cleo.until_true(lambda: cleo.standing["status"] == "spectator")
    await dan.until_true(lambda: (dan.waiting, dan.spectators) == (1, 1))
    assert cleo.id not in dan.users
    await cleo.ask(action="joinQueue")
    await cleo.until_true(lambda: cleo.standing.get("position") == 2)
    await dan.until_true(lambda: (dan.waiting, dan.spectators) == (2, 0))
    assert [user["connectionId"] for user in dan.line][2:] == [dan.id, cleo.id]


async def test_player_who_leaves_the_line_concedes(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    await ann.ask(action="leaveQueue")
    game = await result(bob, "conceded")
    assert (game["winner"], game["turn"], "line" in game) == ("O", None, False)
    await cleo.until_marker("X")
    await bob.until_true(lambda: bob.users[bob.id].get("streak") == 1)
    assert await status_of(ann, action="makeMove", cell=0) == 403


async def test_spectator_has_a_name_and_is_not_in_the_list(url: str) -> None:
    screen = await Player.join(url, watch=True)
    ann = await Player.join(url)
    assert await status_of(screen, action="updateDB", username="Screen") == 200
    assert await status_of(screen, action="leaveQueue") == 200
    await ann.sync()
    assert list(ann.users) == [ann.id]
    await screen.ask(action="joinQueue")
    await ann.until_true(lambda: screen.id in ann.users)
    assert ann.users[screen.id]["username"] == "Screen"


async def test_identity_comes_from_the_socket(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    for field in ("connectionId", "id", "sessionId"):
        await cleo.ask(action="updateDB", username="Cleo", **{field: ann.id})
        assert await status_of(cleo, action="makeMove", cell=0, **{field: ann.id}) == 403
        assert await status_of(cleo, action="leaveQueue", **{field: ann.session}) == 200
        await cleo.ask(action="joinQueue")
    await bob.until_true(lambda: bob.users.get(cleo.id, {}).get("username") == "Cleo")
    assert "username" not in bob.users[ann.id]
    assert bob.users[ann.id]["marker"] == "X"


async def test_send_info_says_hello_again(url: str) -> None:
    ann = await Player.join(url)
    first = ann.hello
    ann.hello = {}
    await ann.ask(action="sendInfo")
    assert ann.hello == first | {"now": ann.hello["now"]}


async def test_referee_refuses_what_is_not_now(url: str) -> None:
    ann, bob, _ = await table(url, waiting=1)
    assert await status_of(bob, action="makeMove", cell=0) == 409  # not your turn
    assert await status_of(ann, action="makeMove", cell=0) == 200
    assert await status_of(ann, action="makeMove", cell=1) == 409
    assert await status_of(bob, action="makeMove", cell=0) == 409  # taken
    assert await status_of(bob, action="makeMove", cell=8) == 200
    await ann.until_board("X.......O")


async def test_lone_player_has_no_game(url: str) -> None:
    ann = await Player.join(url)
    assert await status_of(ann, action="makeMove", cell=0) == 409
    assert await status_of(ann, action="gameOVER", loserId=ann.id) == 409
    assert await status_of(ann, action="gameOVER", loserId="nobody") == 404
    assert await status_of(ann, action="leaveQueue") == 200
    await ann.until_true(lambda: ann.standing["status"] == "spectator")
    assert await status_of(ann, action="makeMove", cell=0) == 403


async def test_draw_sends_both_to_the_end(url: str) -> None:
    ann, bob, cleo, dan = await table(url, waiting=2)
    await play(ann, bob, "012346587")
    game = await result(dan, "draw")
    assert "winner" not in game
    await dan.until_true(lambda: dan.marker is not None)
    await cleo.until_true(lambda: cleo.marker is not None)
    await dan.until_true(lambda: [u["connectionId"] for u in dan.line][2:] == [bob.id, ann.id])
    assert (cleo.marker, dan.marker) == ("X", "O")


async def test_rematch_after_a_draw_swaps_the_marks(url: str) -> None:
    ann, bob = await table(url)
    await play(ann, bob, "012346587")
    await result(ann, "draw")
    await ann.until_marker("O")
    await bob.until_marker("X")
    await ann.until_game(2)
    assert ann.game is not None
    assert ann.game["players"] == {"X": bob.id, "O": ann.id}


async def test_two_lines_at_once_are_told_as_the_first(url: str) -> None:
    ann, bob = await table(url)
    # X takes 1, 2, 3 and 6; the corner closes the row and the column.
    await play(ann, bob, "142537680")
    assert (await result(bob, "won"))["line"] == [0, 1, 2]


async def test_finished_game_is_sent_once_and_before_the_next(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    await play(ann, bob, "03142")
    await cleo.until_game(2)
    await cleo.sync()
    games = [m["game"] for m in cleo.messages if m.get("action") == "gameUpdate" and m["game"]]
    ended = [game for game in games if game["status"] != "playing"]
    assert [(g["number"], g["status"], g["line"]) for g in ended] == [(1, "won", [0, 1, 2])]
    assert [game["number"] for game in games] == sorted(game["number"] for game in games)
    # Who is told to play is told before the game.
    kinds = [m.get("action") for m in cleo.messages]
    end = kinds.index("joinedQueue", 4)
    assert kinds[end - 2 : end + 2] == ["gameUpdate", "queueDelta", "joinedQueue", "gameUpdate"]


async def test_no_game_while_fewer_than_two_are_seated(url: str) -> None:
    ann, bob = await table(url)
    await bob.leave()
    await result(ann, "abandoned")
    await ann.until_true(lambda: ann.game is None)
    assert await status_of(ann, action="makeMove", cell=0) == 409


async def test_reports_between_v1_players(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    assert await status_of(ann, action="gameOVER", loserId=bob.id) == 409  # the board decides
    assert await status_of(ann, action="gameOVER", loserId=cleo.id) == 409  # not active
    assert await status_of(cleo, action="gameOVER", loserId=cleo.id) == 403
    assert await status_of(ann, action="gameOVER", loserId=ann.id, game=2) == 409
    assert await status_of(ann, action="gameOVER", loserId=ann.id, game=0) == 409
    assert await status_of(ann, action="gameOVER", loserId="nobody", game=2) == 404
    assert await status_of(bob, action="gameOVER", data={"loserId": bob.id}, game=1) == 200
    game = await result(ann, "conceded")
    assert (game["number"], game["winner"]) == (1, "X")
    await cleo.until_marker("O")
    assert await status_of(bob, action="gameOVER", loserId=bob.id) == 403


async def test_many_at_once_find_two_seats(url: str) -> None:
    players = await asyncio.gather(*(Player.join(url) for _ in range(30)))
    last = await Player.join(url)
    assert [user.get("marker") for user in last.line[:2]] == ["X", "O"]
    assert [user["status"] for user in last.line[2:]] == ["inactive"] * 29
    assert {user["connectionId"] for user in last.line[:-1]} == {p.id for p in players}
    await asyncio.gather(*(player.leave() for player in players[:15]))
    await last.until_true(lambda: len(last.users) == 16)
    await last.sync()
    assert sorted(u["marker"] for u in last.users.values() if "marker" in u) == ["O", "X"]
