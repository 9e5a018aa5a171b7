"""Two thousand come back at once after a restart, and the two players play on."""

import asyncio
import time

from tests.faults.conftest import Report, StartServer
from tests.lab.crowd import by_the_hundred, come
from tests.lab.machine import allow_many_files
from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

CROWD = 2000
# What is promised on two quiet cores, and how often as long a busy machine may take.
BACK_SECONDS = 10.0
LENIENCE = 2


async def test_crowd_is_back_and_the_players_move_within_seconds(
    start_server: StartServer, report: Report
) -> None:
    allow_many_files()
    asyncio.get_running_loop().set_debug(False)
    server = start_server()
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    first_port = server.port
    faces = await by_the_hundred(CROWD, lambda: come(first_port, "lobby"))
    await ann.move(4)
    server.kill()

    server = start_server(port=server.port)
    started = time.monotonic()
    moving = asyncio.create_task(play_on(server, ann.session, bob.session))
    back = await asyncio.gather(
        *(come(server.port, "lobby", face.hello["sessionId"]) for face in faces)
    )
    everybody = time.monotonic() - started
    moved = await moving - started
    report(f"the players moved after {moved:.1f} s, all {CROWD} were back after {everybody:.1f} s")
    assert [b.hello["connectionId"] for b in back] == [f.hello["connectionId"] for f in faces]
    assert max(everybody, moved) < BACK_SECONDS * LENIENCE
    for face in back:
        face.transport.abort()


async def play_on(server: ServerProcess, *sessions: str) -> float:
    """Come back and move on; return when that was done."""
    patience = BACK_SECONDS * LENIENCE
    ann, bob = [
        await Player.join(server.ws_url, session=session, open_timeout=patience)
        for session in sessions
    ]
    assert ann.board == "....X...."
    assert (await bob.move(0))["statusCode"] == 200
    assert (await ann.move(8))["statusCode"] == 200
    return time.monotonic()
