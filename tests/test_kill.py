"""Stopped hard in mid-game and started again: nobody loses a place."""

import signal
from collections.abc import Callable

from tests.lab.player import Player
from tests.lab.server_process import ServerProcess


async def test_kill_loses_nothing_that_was_acknowledged(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    ann, bob, cleo, dan = [await Player.join(server.ws_url) for _ in range(4)]
    await ann.ask(action="updateDB", username="Ann")
    await ann.move(4)
    assert (await bob.move(0))["statusCode"] == 200
    server.kill()

    server = server.restart()
    try:
        # They come back in any order.
        back = {p.id: await Player.join(server.ws_url, session=p.session) for p in (dan, bob, ann)}
        assert set(back) == {ann.id, bob.id, dan.id}
        assert back[ann.id].marker == "X"
        assert back[bob.id].marker == "O"
        assert back[dan.id].standing["position"] == 2
        again = back[ann.id]
        assert [user["connectionId"] for user in again.line] == [ann.id, bob.id, cleo.id, dan.id]
        assert again.users[ann.id]["username"] == "Ann"
        assert again.board == "O...X...."
        assert again.game is not None
        assert again.game["turn"] == "X"
        assert (await again.move(8))["statusCode"] == 200
    finally:
        server.kill()


async def test_sigterm_says_goodbye_and_exits_in_time(server: ServerProcess) -> None:
    ann = await Player.join(server.ws_url)
    code, seconds = server.stop(signal.SIGTERM)
    assert (await ann.closed())[0] == 1001
    assert code == 0
    assert seconds < 5


async def test_answering_goodbye_with_1000_is_no_leave(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    ann = await Player.join(server.ws_url)
    server.stop()
    server = server.restart()
    try:
        again = await Player.join(server.ws_url, session=ann.session)
        assert again.id == ann.id
    finally:
        server.kill()
