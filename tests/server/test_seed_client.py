"""Clients of the seed, which know no subprotocol: unchanged, alone and among v1 clients."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.player import Message, Player
from tests.lab.raw import Raw
from tests.lab.server_process import ServerProcess

StartServer = Callable[..., ServerProcess]


def seen(player: Player) -> list[tuple[str | None, str, str | None]]:
    """The list as the seed's page shows it."""
    return [(u.get("username"), u["status"], u.get("marker")) for u in player.line]


def ended(player: Player) -> list[Message]:
    games = [m["game"] for m in player.messages if m.get("game")]
    return [game for game in games if game["status"] != "playing"]


async def settled(*players: Player) -> None:
    """Return when all have taken note of what has happened so far."""
    for player in players:
        await player.hear_all()


async def status_of(player: Player, **message: Any) -> int:
    return int((await player.ask(**message))["statusCode"])


async def test_hello_bears_no_session(url: str) -> None:
    ann = await Player.join(url, seed=True)
    assert ann.hello.keys() == {"message", "connectionId", "room"}
    await ann.ask(action="sendInfo")
    assert ann.hello.keys() == {"message", "connectionId", "room"}


@pytest.mark.parametrize("protocols", [["chat"], ["watch", "session.abc"], ["winner-stays.v2"]])
async def test_foreign_subprotocols_are_ignored(url: str, protocols: list[str]) -> None:
    port, path = int(url.split(":")[2].split("/")[0]), "/" + url.rsplit("/", 1)[1]
    raw = await Raw.upgrade(port, path, protocols)
    await raw.until_action("gameUpdate")
    hello, standing, update, _ = raw.messages
    assert "sessionId" not in hello
    assert standing["status"] == "active"
    assert len(update["data"]) == 1


async def test_whole_lists_and_no_deltas(url: str) -> None:
    seed = await Player.join(url, seed=True)
    others = [await Player.join(url) for _ in range(5)]
    await others[0].ask(action="updateDB", username="Ann")
    await others[4].ask(action="leaveQueue")
    await seed.until_true(lambda: len(seed.users) == 5 and "username" in seed.users[others[0].id])
    kinds = {m.get("action") for m in seed.messages}
    assert kinds == {None, "joinedQueue", "queueUpdate", "gameUpdate"}
    sequences = [m["sequence"] for m in seed.messages if m.get("action") == "queueUpdate"]
    assert sequences == sorted(set(sequences))
    assert [u["connectionId"] for u in seed.line] == [seed.id, *(p.id for p in others[:4])]


async def test_seed_sees_beyond_the_window(url: str) -> None:
    players = [await Player.join(url, seed=bool(n % 2)) for n in range(110)]
    seed = await Player.join(url, seed=True)
    assert len(seed.users) == 111
    await players[108].ask(action="updateDB", username="Far")
    await seed.until_true(lambda: seed.users[players[108].id].get("username") == "Far")


async def test_name_as_the_seed_page_sends_it(url: str) -> None:
    ann, bob = [await Player.join(url, seed=True) for _ in range(2)]
    await ann.say(action="updateDB", connectionId=bob.id, username="Ann")
    await bob.until_true(lambda: seen(bob) == [("Ann", "active", "X"), (None, "active", "O")])


@pytest.mark.parametrize("wrapped", [True, False])
async def test_both_players_report_one_end(url: str, wrapped: bool) -> None:
    ann, bob = [await Player.join(url, seed=True) for _ in range(2)]
    report: Message = {"data": {"loserId": bob.id}} if wrapped else {"loserId": bob.id}
    await ann.until_true(lambda: ann.game is not None)
    assert await status_of(ann, action="gameOVER", **report) == 200
    assert await status_of(bob, action="gameOVER", **report) == 200
    await settled(ann, bob)
    # Nobody waits: the same two sit down again, and the repeat counts for nothing.
    assert [(g["number"], g["status"], g["winner"]) for g in ended(ann)] == [(1, "won", "X")]
    assert (ann.marker, bob.marker) == ("X", "O")
    assert ann.users[ann.id]["streak"] == 1
    # A third report, and a repeat by the same one, are about the new game.
    assert await status_of(ann, action="gameOVER", **report) == 200
    await settled(ann)
    assert ann.users[ann.id]["streak"] == 2


async def test_conceded_first_then_claimed(url: str) -> None:
    ann, bob = [await Player.join(url, seed=True) for _ in range(2)]
    await ann.until_true(lambda: ann.game is not None)
    assert await status_of(bob, action="gameOVER", loserId=bob.id) == 200
    assert await status_of(ann, action="gameOVER", loserId=bob.id) == 200
    await settled(ann)
    assert [(g["number"], g["status"]) for g in ended(ann)] == [(1, "conceded")]
    assert ann.users[ann.id]["streak"] == 1


async def test_repeat_with_somebody_waiting_unseats_nobody(url: str) -> None:
    ann, bob, cleo = [await Player.join(url, seed=True) for _ in range(3)]
    await ann.until_true(lambda: ann.game is not None)
    assert await status_of(ann, action="gameOVER", loserId=bob.id) == 200
    await cleo.until_marker("O")
    assert await status_of(bob, action="gameOVER", loserId=bob.id) == 403
    assert await status_of(ann, action="gameOVER", loserId=bob.id) == 409
    await settled(cleo)
    assert [u["connectionId"] for u in cleo.line] == [ann.id, cleo.id, bob.id]
    assert len(ended(cleo)) == 1


async def test_report_of_another_game_is_refused(url: str) -> None:
    ann, bob = [await Player.join(url, seed=True) for _ in range(2)]
    await ann.until_true(lambda: ann.game is not None)
    assert await status_of(ann, action="gameOVER", loserId=bob.id, game=1) == 200
    assert await status_of(bob, action="gameOVER", loserId=bob.id, game=1) == 409
    assert await status_of(bob, action="gameOVER", loserId=bob.id, game=3) == 409
    assert await status_of(bob, action="gameOVER", loserId=bob.id, game=2) == 200


async def test_unknown_loser_leaves_no_ghost(url: str) -> None:
    ann, bob = [await Player.join(url, seed=True) for _ in range(2)]
    await ann.until_true(lambda: ann.game is not None)
    assert await status_of(ann, action="gameOVER", loserId="ghost") == 404
    await settled(bob)
    assert len(bob.users) == 2


async def test_in_a_mixed_game_the_board_decides_and_the_clock_runs(
    start_server: StartServer,
) -> None:
    server = start_server("--move-seconds", "1", "--messages-per-second", "1000")
    seed, v1 = await Player.join(server.ws_url, seed=True), await Player.join(server.ws_url)
    await seed.until_true(lambda: seed.game is not None and "deadline" in seed.game)
    for _ in range(5):
        refused = await seed.ask(action="gameOVER", loserId=v1.id)
        assert refused["statusCode"] == 409
        assert "the board decides" in refused["body"]["message"]
        assert await status_of(v1, action="gameOVER", loserId=seed.id) == 409
    # The one whose turn it is plays elsewhere, and loses on time; or it concedes.
    await v1.until_true(lambda: bool(ended(v1)))
    assert [(g["status"], g["winner"]) for g in ended(v1)][:1] == [("timeout", v1.marker)]
    await status_of(seed, action="gameOVER", loserId=seed.id)
    await v1.until_true(lambda: any(g["status"] == "conceded" for g in ended(v1)))


@pytest.mark.parametrize("ending", ["close", "vanish"])
async def test_disconnect_removes_the_row_at_once(url: str, ending: str) -> None:
    ann, bob = [await Player.join(url, seed=True) for _ in range(2)]
    cleo, dan = await Player.join(url), await Player.join(url, seed=True)
    await dan.until_true(lambda: dan.game is not None)
    if ending == "close":
        await ann.socket.close(1001)
    else:
        ann.vanish()
    await dan.until_true(lambda: ann.id not in dan.users)
    await cleo.until_marker("X")
    await settled(dan)
    assert all("absent" not in user for user in dan.users.values())
    assert [(g["status"], g["winner"]) for g in ended(dan)] == [("abandoned", "O")]
    assert [u["connectionId"] for u in dan.line] == [bob.id, cleo.id, dan.id]
    assert await status_of(dan, action="gameOVER", loserId=ann.id) == 403


async def test_seed_cannot_resume(url: str) -> None:
    ann = await Player.join(url)
    ann.vanish()
    bob = await Player.join(url)
    await bob.until_absent(ann.id)
    port, path = int(url.split(":")[2].split("/")[0]), "/" + url.rsplit("/", 1)[1]
    raw = await Raw.upgrade(port, path, [f"session.{ann.session}"])
    await raw.until_action("gameUpdate")
    assert raw.messages[0]["connectionId"] != ann.id
    assert ann.session not in str(raw.messages)


async def test_game_that_does_not_go_on_ends_for_those_who_wait(start_server: StartServer) -> None:
    server = start_server("--idle-seconds", "0.5")
    ann, bob = [await Player.join(server.ws_url, seed=True) for _ in range(2)]
    cat = await Player.join(server.ws_url)
    await cat.until_true(lambda: cat.standing["status"] == "active")
    await settled(ann, bob, cat)
    for player in (ann, bob, cat):
        (first, *_) = ended(player)
        assert (first["number"], first["status"], first["turn"]) == (1, "abandoned", None)
        assert "winner" not in first
