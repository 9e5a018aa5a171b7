"""An evening over real sockets: three people, a win, a reload, a lost network, a farewell."""

from tests.lab.player import Player
from tests.lab.server_process import ServerProcess


async def test_first_messages_come_in_order(server: ServerProcess) -> None:
    player = await Player.join(server.ws_url)
    kinds = [message.get("action", "hello") for message in player.messages]
    assert kinds == ["hello", "joinedQueue", "queueUpdate", "gameUpdate"]
    assert player.hello["message"] == "Hello from Lambda!"
    assert player.hello["room"] == "lobby"
    assert player.standing == {"action": "joinedQueue", "status": "active", "marker": "X"}
    assert player.game is None


async def test_winner_stays_and_loser_goes_to_the_back(server: ServerProcess) -> None:
    ann, bob, cleo = [await Player.join(server.ws_url) for _ in range(3)]
    assert (ann.marker, bob.marker) == ("X", "O")
    assert cleo.standing == {"action": "joinedQueue", "status": "inactive", "position": 1}
    for player, cell in [(ann, 0), (bob, 3), (ann, 1), (bob, 4), (ann, 2)]:
        assert (await player.move(cell))["statusCode"] == 200

    won = await cleo.until(lambda m: bool(m.get("game")) and m["game"]["status"] == "won")
    assert won["game"]["winner"] == "X"
    assert won["game"]["line"] == [0, 1, 2]
    assert won["game"]["turn"] is None
    seated = await cleo.until(lambda m: m.get("action") == "joinedQueue")
    assert seated == {"action": "joinedQueue", "status": "active", "marker": "O"}
    next_game = await cleo.until(lambda m: m.get("action") == "gameUpdate")
    assert next_game["game"]["number"] == won["game"]["number"] + 1
    assert next_game["game"]["players"] == {"X": ann.id, "O": cleo.id}
    assert [user["connectionId"] for user in cleo.line] == [ann.id, cleo.id, bob.id]
    assert cleo.users[ann.id]["streak"] == 1


async def test_reload_keeps_seat_and_board(server: ServerProcess) -> None:
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    await ann.move(4)
    ann.vanish()
    await bob.until_absent(ann.id)
    assert (await bob.move(0))["statusCode"] == 409
    again = await Player.join(server.ws_url, session=ann.session)
    assert again.id == ann.id
    assert again.standing == {"action": "joinedQueue", "status": "active", "marker": "X"}
    assert again.board == "....X...."
    assert (await bob.move(0))["statusCode"] == 200


async def test_page_that_is_closed_gives_its_seat_up(server: ServerProcess) -> None:
    ann, bob, cleo = [await Player.join(server.ws_url) for _ in range(3)]
    await ann.leave()
    ended = await bob.until(lambda m: bool(m.get("game")) and m["game"]["turn"] is None)
    assert ended["game"]["status"] == "abandoned"
    assert ended["game"]["winner"] == "O"
    await cleo.until_marker("X")
    assert ann.id not in cleo.users


async def test_second_tab_takes_over_and_the_first_is_told(server: ServerProcess) -> None:
    ann = await Player.join(server.ws_url)
    again = await Player.join(server.ws_url, session=ann.session)
    assert (await ann.closed())[0] == 4001
    assert again.id == ann.id
    # The late close of the old socket evicts nobody.
    assert (await again.ask(action="updateDB", username="Ann"))["statusCode"] == 200
    await again.until_named(again.id, "Ann")


async def test_rooms_are_isolated(server: ServerProcess) -> None:
    ann = await Player.join(f"{server.ws_url}/red")
    bob = await Player.join(f"{server.ws_url}/blue")
    assert (ann.marker, bob.marker) == ("X", "X")
    assert ann.hello["room"] == "red"
    assert list(bob.users) == [bob.id]


async def test_watcher_takes_no_seat_and_may_join_later(server: ServerProcess) -> None:
    screen = await Player.join(server.ws_url, watch=True)
    assert screen.standing == {"action": "joinedQueue", "status": "spectator"}
    assert (screen.spectators, screen.users) == (1, {})
    await screen.say(action="joinQueue")
    await screen.until_marker("X")


async def test_session_is_told_to_its_owner_alone(server: ServerProcess) -> None:
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    await ann.ask(action="updateDB", username="Ann")
    await bob.until_named(ann.id, "Ann")
    assert ann.session not in str(bob.messages)
    assert sum(ann.session in str(message) for message in ann.messages) == 1
    assert ann.session not in server.log_text()
