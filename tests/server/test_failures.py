"""A part of the server fails, or meets what it cannot read: it says so, and nothing hangs."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

EXIT_SECONDS = 5.0
A_MOMENT = 3.0  # that a busy machine may take on top
StartServer = Callable[..., ServerProcess]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Start servers; whatever still runs at the end is killed."""
    started: list[ServerProcess] = []

    def start(*program: str, flags: tuple[str, ...] = ()) -> ServerProcess:
        program = program or ("-m", "server")
        started.append(ServerProcess(tmp_path / "lobby.db", flags, program=program))
        return started[-1]

    yield start
    await Player.send_home()
    for server in started:
        server.kill()


def write(server: ServerProcess, *statements: str) -> None:
    """Do what an operator does with the sqlite3 shell."""
    with closing(sqlite3.connect(server.database, timeout=5, isolation_level=None)) as shell:
        for statement in statements:
            shell.execute(statement)


def logged(server: ServerProcess, level: str) -> list[dict[str, str]]:
    return [line for line in server.log_lines() if line["level"] == level]


@pytest.mark.parametrize("part", ["channel", "room"])
async def test_part_that_fails_ends_the_process_with_its_cause(
    start: StartServer, tmp_path: Path, part: str
) -> None:
    armed = tmp_path / "armed"
    server = start("-m", "tests.lab.failing_server", part, str(armed))
    players = [await Player.join(server.ws_url) for _ in range(3)]
    # The handshake of a half-open visitor must not hold up the end either.
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    armed.touch()
    started = time.monotonic()
    await players[0].say(action="updateDB", username="Ann")
    codes = {(await player.closed())[0] for player in players}
    code = await asyncio.to_thread(server.process.wait, 20)
    assert code == 1
    assert time.monotonic() - started < EXIT_SECONDS + A_MOMENT
    assert codes == {1011}
    failures = logged(server, "critical")
    assert f"the {part} is broken" in failures[0]["reason"]
    assert "Traceback" in failures[-1]["exception"]
    writer.close()


async def test_places_outlive_a_part_that_failed(start: StartServer, tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    server = start("-m", "tests.lab.failing_server", "channel", str(armed))
    ann, bob = [await Player.join(server.ws_url) for _ in range(2)]
    await ann.move(4)
    armed.touch()
    await bob.say(action="updateDB", username="Bob")
    await asyncio.gather(ann.closed(), bob.closed())
    await asyncio.to_thread(server.process.wait, 20)
    server = start()
    for player in (ann, bob):
        again = await Player.join(server.ws_url, session=player.session)
        assert (again.id, again.marker) == (player.id, player.marker)
        assert again.board == "....X...."


@pytest.mark.parametrize(
    "record",
    [
        "('lobby', 'INSERT', 'users', '{}')",
        """('lobby', 'INSERT', 'users', '{"connection_id": 7}')""",
        "('lobby', 'INSERT', 'games', '{}')",
    ],
)
async def test_record_that_cannot_be_read_is_skipped_loudly(
    start: StartServer, record: str
) -> None:
    server = start()
    ann, bob, cleo = [await Player.join(server.ws_url) for _ in range(3)]
    write(server, f"INSERT INTO stream (room, event_name, item, new_image) VALUES {record}")
    assert (await ann.move(4))["statusCode"] == 200
    assert (await bob.move(0))["statusCode"] == 200
    await cleo.until_board("O...X....")
    assert server.stop()[0] == 0
    assert [line["message"] for line in logged(server, "error")] == ["record unreadable"]


async def test_row_that_was_changed_beside_the_stream_is_right_after_an_unreadable_record(
    start: StartServer,
) -> None:
    """The room is loaded anew: what the stream did not tell becomes known all the same."""
    server = start()
    ann, bob, cleo = [await Player.join(server.ws_url) for _ in range(3)]
    write(
        server,
        "BEGIN IMMEDIATE",
        f"UPDATE users SET username = 'Zoë' WHERE connection_id = '{cleo.id}'",
        "DELETE FROM stream WHERE new_image LIKE '%Zoë%'",
        "INSERT INTO stream (room, event_name, item, new_image)"
        " VALUES ('lobby', 'INSERT', 'users', '{}')",
        "COMMIT",
    )
    await ann.until_true(lambda: ann.users.get(cleo.id, {}).get("username") == "Zoë")
    assert (await ann.move(4))["statusCode"] == 200
    await bob.until_board("....X....")


async def test_row_that_cannot_be_read_closes_its_room_and_no_other(start: StartServer) -> None:
    server = start()
    ann = await Player.join(f"{server.ws_url}/red")
    bob = await Player.join(f"{server.ws_url}/blue")
    write(
        server,
        "PRAGMA ignore_check_constraints = ON",
        f"UPDATE users SET joined_at = 'yesterday' WHERE connection_id = '{ann.id}'",
    )
    assert (await ann.closed())[0] == 1011
    with pytest.raises(ConnectionClosed) as closed:
        await Player.join(f"{server.ws_url}/red")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    await bob.sync()
    assert server.stop()[0] == 0
    errors = logged(server, "error")
    assert {line["event"] for line in errors} == {"record_unreadable", "room_unusable"}
    assert all(ann.id in line["reason"] for line in errors)


async def test_broken_room_keeps_no_place_that_others_need(start: StartServer) -> None:
    server = start(flags=("--max-absent", "1"))
    ann, bob = [await Player.join(f"{server.ws_url}/red") for _ in range(2)]
    bob.vanish()
    await ann.until_true(lambda: "absent" in ann.users.get(bob.id, {}))
    write(
        server,
        "PRAGMA ignore_check_constraints = ON",
        f"UPDATE users SET joined_at = 'yesterday' WHERE connection_id = '{ann.id}'",
    )
    assert (await ann.closed())[0] == 1011
    assert (await Player.join(f"{server.ws_url}/blue")).marker == "X"
