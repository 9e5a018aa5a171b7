"""Who is gone and who is back: the resume window, the seat's hold, the clock, and late goodbyes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.lab.player import Player, table
from tests.lab.raw import Raw
from tests.lab.server_process import ServerProcess

# Long enough that a loaded machine comes back in time, short enough to wait for.
RESUME, SEAT = 2.5, 1.2


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return (
        *("--resume-seconds", str(RESUME), "--seat-seconds", str(SEAT)),
        *("--move-seconds", "0", "--max-streak", "2"),
    )


async def absent(player: Player, other: Player) -> float:
    """Wait until ``other`` is seen to be absent; return in how many seconds it is given up."""
    await player.until_absent(other.id)
    until = datetime.fromisoformat(player.users[other.id]["absent"])
    return (until - datetime.now(UTC)).total_seconds()


async def status_of(player: Player, **message: Any) -> int:
    return int((await player.ask(**message))["statusCode"])


async def test_absence_tells_when_the_seat_and_the_place_are_given_up(url: str) -> None:
    ann, bob, cleo, _ = await table(url, waiting=2)
    ann.vanish()
    assert SEAT - 1 < await absent(bob, ann) <= SEAT
    cleo.vanish()
    assert RESUME - 1 < await absent(bob, cleo) <= RESUME
    assert bob.waiting == 2
    assert bob.users[ann.id]["marker"] == "X"
    assert await status_of(bob, action="makeMove", cell=0) == 409


async def test_seat_is_given_up_and_the_place_after_it(url: str) -> None:
    ann, bob, cleo, dan = await table(url, waiting=2)
    await ann.move(4)
    ann.vanish()
    game = await bob.ended()
    assert (game["status"], game["winner"], game["board"]) == ("abandoned", "O", "....X....")
    await cleo.until_marker("X")
    # At the end of the line, still absent, for what is left of the longer window.
    assert [u["connectionId"] for u in bob.line][-1] != bob.id
    await bob.until_true(lambda: bob.users[ann.id]["status"] == "inactive")
    assert bob.line[-1]["connectionId"] == ann.id
    assert 0 < await absent(bob, ann) <= RESUME - SEAT + 0.2
    await dan.until_true(lambda: ann.id not in dan.users)
    assert dan.waiting == 1
    # An expired session comes in as somebody new.
    again = await Player.join(url, session=ann.session)
    assert again.id != ann.id
    assert again.session != ann.session
    assert again.standing["position"] == 2


async def test_place_is_kept_and_absent_people_are_passed_over(url: str) -> None:
    _, bob, cleo, dan = await table(url, waiting=2)
    cleo.vanish()
    await absent(bob, cleo)
    assert await status_of(bob, action="gameOVER", loserId=bob.id) == 200
    await dan.until_marker("O")  # not Cleo, who is not there
    back = await Player.join(url, session=cleo.session)
    assert back.id == cleo.id
    assert back.standing == {"action": "joinedQueue", "status": "inactive", "position": 1}
    await bob.until_true(lambda: "absent" not in bob.users[cleo.id])
    await bob.until_true(lambda: bob.standing.get("position") == 2)


async def test_absent_waiter_who_returns_to_a_free_seat_sits_down(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    cleo.vanish()
    await absent(ann, cleo)
    await bob.leave()
    await ann.until_true(lambda: ann.game is None)
    back = await Player.join(url, session=cleo.session)
    assert back.standing == {"action": "joinedQueue", "status": "active", "marker": "O"}
    assert back.game is not None


async def test_both_absent_lose_their_seats_together(url: str) -> None:
    ann, bob, cleo, dan = await table(url, waiting=2)
    bob.vanish()
    await absent(cleo, bob)
    ann.vanish()
    await absent(cleo, ann)
    game = await cleo.ended()
    assert (game["status"], "winner" in game) == ("abandoned", False)
    await dan.until_marker("O")
    await cleo.until_marker("X")
    await cleo.until_true(lambda: cleo.users[ann.id]["status"] == "inactive")
    # As after a draw: seated together, O counts as later and re-enters first.
    assert [u["connectionId"] for u in cleo.line] == [cleo.id, dan.id, bob.id, ann.id]


async def test_lone_absent_player_goes_to_the_end_without_a_result(url: str) -> None:
    ann = await Player.join(url)
    screen = await Player.join(url, watch=True)
    ann.vanish()
    await absent(screen, ann)
    await screen.until_true(lambda: screen.users[ann.id]["status"] == "inactive")
    assert not any(m.get("game") for m in screen.messages)
    back = await Player.join(url, session=ann.session)
    assert back.marker == "X"


async def test_resume_goes_on_with_the_same_game(url: str) -> None:
    ann, bob = await table(url)
    await ann.ask(action="updateDB", username="Ann")
    await ann.move(0)
    bob.vanish()
    await absent(ann, bob)
    back = await Player.join(url, session=bob.session)
    assert (back.id, back.session, back.marker) == (bob.id, bob.session, "O")
    assert back.game is not None
    assert (back.game["number"], back.game["board"]) == (1, "X........")
    assert back.users[ann.id]["username"] == "Ann"
    await ann.until_true(lambda: "absent" not in ann.users[bob.id])
    assert await status_of(back, action="makeMove", cell=4) == 200


async def test_two_tabs_with_one_session(url: str) -> None:
    ann, bob = await table(url)
    tabs = [ann]
    for _ in range(4):
        tabs.append(await Player.join(url, session=ann.session))
        assert tabs[-1].id == ann.id
        assert (await tabs[-2].closed())[0] == 4001
    await bob.hear_all()
    assert "absent" not in str(bob.messages)
    assert await status_of(tabs[-1], action="makeMove", cell=0) == 200


async def test_late_close_of_the_old_socket_evicts_nobody(url: str, house: ServerProcess) -> None:
    path = "/" + url.rsplit("/", 1)[1]
    old = await Raw.upgrade(house.port, path)
    await old.until_action("gameUpdate")
    hello = old.messages[0]
    bob = await Player.join(url)
    back = await Player.join(url, session=hello["sessionId"])
    assert back.id == hello["connectionId"]
    assert await old.close_code() == 4001
    # It still wants to rename, to leave, and says goodbye as a page does.
    old.send(1, b'{"action":"updateDB","username":"Ghost"}')
    old.send(1, b'{"action":"leaveQueue"}')
    await old.leave(1000)
    assert await status_of(back, action="makeMove", cell=0) == 200
    await bob.until_board("X........")
    assert "absent" not in str(bob.messages)
    assert "Ghost" not in str(bob.messages)


@pytest.mark.parametrize("code", [1000, 1005])
async def test_page_that_is_closed_leaves(url: str, house: ServerProcess, code: int) -> None:
    path = "/" + url.rsplit("/", 1)[1]
    page = await Raw.upgrade(house.port, path)
    await page.until_action("gameUpdate")
    gone = page.messages[0]["connectionId"]
    bob, cleo = [await Player.join(url) for _ in range(2)]
    await page.leave(None if code == 1005 else code)
    game = await bob.ended()
    assert (game["status"], game["winner"]) == ("abandoned", "O")
    await cleo.until_marker("X")
    await bob.until_true(lambda: gone not in bob.users)


@pytest.mark.parametrize("code", [1001, 1002, 1006, 1011, 3000, 4000, 4999])
async def test_any_other_end_is_an_absence(url: str, house: ServerProcess, code: int) -> None:
    path = "/" + url.rsplit("/", 1)[1]
    page = await Raw.upgrade(house.port, path)
    await page.until_action("gameUpdate")
    gone = page.messages[0]["connectionId"]
    bob = await Player.join(url)
    await bob.until_true(lambda: bob.game is not None)
    if code == 1006:
        page.reset()
    else:
        await page.leave(code)
    await bob.until_absent(gone)
    back = await Player.join(url, session=page.messages[0]["sessionId"])
    assert back.id == gone


async def test_answer_to_our_own_close_is_no_leave(url: str, house: ServerProcess) -> None:
    path = "/" + url.rsplit("/", 1)[1]
    page = await Raw.upgrade(house.port, path)
    await page.until_action("gameUpdate")
    gone = page.messages[0]["connectionId"]
    bob = await Player.join(url)
    await bob.until_true(lambda: bob.game is not None)
    page.send(2, b"binary")
    assert await page.close_code() == 1003
    await page.leave(1000)
    await bob.until_absent(gone)
    assert bob.game is not None


async def test_what_was_said_before_the_goodbye_counts(url: str, house: ServerProcess) -> None:
    path = "/" + url.rsplit("/", 1)[1]
    bob = await Player.join(url)
    page = await Raw.upgrade(house.port, path)
    await page.until_action("gameUpdate")
    gone = page.messages[0]["connectionId"]
    for number in range(6):
        page.send(1, b'{"action":"updateDB","username":"Ann %d"}' % number)
    await page.leave(1001)
    await bob.until_absent(gone)
    assert bob.users[gone]["username"] == "Ann 5"


async def test_close_frame_leaves_even_if_the_line_is_not_hung_up(
    url: str, house: ServerProcess
) -> None:
    path = "/" + url.rsplit("/", 1)[1]
    page = await Raw.upgrade(house.port, path)
    await page.until_action("gameUpdate")
    gone = page.messages[0]["connectionId"]
    bob = await Player.join(url)
    page.send_close(1000)
    # It answers nothing more and keeps the TCP connection: two seconds, no longer.
    started = datetime.now(UTC)
    await bob.until_true(lambda: gone not in bob.users)
    assert (datetime.now(UTC) - started).total_seconds() < 4


async def test_longest_streak_sends_the_winner_to_the_end_too(url: str) -> None:
    ann, bob, cleo, dan = await table(url, waiting=2)
    for loser in (bob, cleo):
        await loser.until_marker("O")
        assert await status_of(loser, action="gameOVER", loserId=loser.id) == 200
    await bob.until_true(lambda: bob.marker is not None)
    await dan.until_game(3)
    await dan.until_true(lambda: [u["connectionId"] for u in dan.line][3:] == [ann.id])
    assert [u["connectionId"] for u in dan.line] == [bob.id, dan.id, cleo.id, ann.id] or [
        u["connectionId"] for u in dan.line
    ] == [dan.id, bob.id, cleo.id, ann.id]
    assert "streak" not in dan.users[ann.id]


async def test_absent_winner_keeps_the_seat_while_its_time_runs_on(url: str) -> None:
    ann, bob, cleo = await table(url, waiting=1)
    ann.vanish()
    await absent(bob, ann)
    assert await status_of(bob, action="gameOVER", loserId=bob.id) == 200
    await cleo.until_marker("O")
    assert cleo.users[ann.id]["marker"] == "X"
    game = await cleo.ended()
    assert game["number"] in (1, 2)
    await cleo.until_true(lambda: cleo.users[ann.id]["status"] == "inactive")


async def test_session_of_another_room_is_worth_nothing(url: str, house: ServerProcess) -> None:
    ann = await Player.join(url)
    thief = await Player.join(f"{url}-x", session=ann.session)
    assert thief.id != ann.id
    assert await status_of(ann, action="sendInfo") == 200


async def test_clock(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--move-seconds", "1.5", "--seat-seconds", "20")
    ann, bob, cleo = await table(server.ws_url, waiting=1)
    assert ann.game is not None
    left = datetime.fromisoformat(ann.game["deadline"]) - datetime.now(UTC)
    assert 0 < left.total_seconds() <= 1.5
    await ann.move(4)
    await cleo.until_true(lambda: cleo.game is not None and cleo.game["turn"] == "O")
    # An absence stops the clock, and there is no deadline to tell of.
    ann.vanish()
    await cleo.until_absent(ann.id)
    await cleo.until_true(lambda: cleo.game is not None and "deadline" not in cleo.game)
    back = await Player.join(server.ws_url, session=ann.session)
    await cleo.until_true(lambda: cleo.game is not None and "deadline" in cleo.game)
    # Less than five seconds are left, and so there are as many as a move is given.
    assert cleo.game is not None
    again = datetime.fromisoformat(cleo.game["deadline"]) - datetime.now(UTC)
    assert 1 < again.total_seconds() <= 1.5
    # Bob does not move: he loses on time, Ann stays.
    game = await cleo.ended()
    assert (game["status"], game["winner"], game["board"]) == ("timeout", "X", "....X....")
    assert "deadline" not in game
    await cleo.until_marker("O")
    await back.until_true(lambda: back.users[back.id].get("streak") == 1)
    assert [u["connectionId"] for u in cleo.line] == [ann.id, cleo.id, bob.id]
