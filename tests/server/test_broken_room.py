"""A room with a row that no server can use: it alone is closed, until somebody mends the row."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from websockets.exceptions import ConnectionClosed

from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

BREAK = {
    "a key that is no UTF-8": "INSERT INTO users (connection_id, room)"
    " VALUES (CAST(x'ff41' AS TEXT), 'broken')",
    "a streak below zero": "UPDATE users SET streak = -1 WHERE room = 'broken'",
    "a game that is none": "UPDATE games SET status = 'lost' WHERE room = 'broken'",
}


@pytest.mark.parametrize("statement", BREAK.values(), ids=BREAK.keys())
async def test_broken_room_is_left_out_and_the_others_come_up(
    start_server: Callable[..., ServerProcess], statement: str
) -> None:
    server = start_server()
    ann = await Player.join(server.ws_url)
    broken = f"{server.ws_url}/broken"
    for _ in range(2):
        await Player.join(broken)
    server.kill()
    with closing(sqlite3.connect(server.database, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute(statement)
    server = start_server()
    again = await Player.join(server.ws_url, session=ann.session)
    assert again.id == ann.id
    broken = f"{server.ws_url}/broken"
    for _ in range(2):
        with pytest.raises(ConnectionClosed) as closed:
            await Player.join(broken)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
        assert "room" in closed.value.rcvd.reason
    with closing(sqlite3.connect(server.database, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute("DELETE FROM users WHERE room = 'broken'")
        database.execute("DELETE FROM games WHERE room = 'broken'")
    assert (await Player.join(broken)).marker == "X"
    server.stop()
    [line] = [line for line in server.log_lines() if line.get("event") == "room_unusable"]
    assert line["room"] == "broken"
    assert any(named in line["reason"] for named in ("row", "CHECK", "games 'broken'"))
