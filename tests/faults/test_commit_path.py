"""Killed between every two statements, of a commit and of a start: a batch is there or it is not.

The statements inside triggers count, so the server dies with half of the stream written, too.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.conftest import Report, StartServer
from tests.faults.guests import GONE
from tests.faults.tables import Tables
from tests.lab.player import Player
from tests.lab.server_process import DEADLINE, ROOT, ServerProcess

DYING = ("-m", "tests.faults.dying_server")
MOST_POINTS = 200
BEFORE, AFTER = ("0,3,1,4", 1), ("", 2)


def how_it_stands(database: Path) -> tuple[str, int]:
    tables = Tables.read(database)
    tables.check()
    game = tables.games["lobby"]
    return game["moves"], game["number"]


async def a_move_before_a_win(server: ServerProcess) -> list[Player]:
    """Seat Ann and Bob, with Cleo waiting; Ann has only to mark cell 2."""
    guests = [await Player.join(server.ws_url) for _ in range(3)]
    ann, bob, _ = guests
    for player, cell in [(ann, 0), (bob, 3), (ann, 1), (bob, 4)]:
        assert (await player.move(cell))["statusCode"] == 200
    return guests


async def wins(ann: Player) -> bool:
    """Make the last move; tell whether it was acknowledged before the server died."""
    try:
        return bool((await ann.move(2))["statusCode"] == 200)
    except GONE:
        return False


async def was_told_of_the_end(player: Player) -> bool:
    await player.closed()
    return any((m.get("game") or {}).get("number") == 2 for m in player.messages)


async def test_batch_is_whole_or_not_there_wherever_its_commit_is_cut(
    start_server: StartServer, tmp_path: Path, report: Report
) -> None:
    server = start_server("--move-seconds", "0")
    database, armed, kept = server.database, tmp_path / "armed", tmp_path / "kept"
    guests = await a_move_before_a_win(server)
    sessions = [guest.session for guest in guests]
    server.stop()  # so that all is in one file
    shutil.copyfile(database, kept)

    cuts = {BEFORE: 0, AFTER: 0}
    for point in range(1, MOST_POINTS):
        server = start_server(
            "--move-seconds", "0", program=(*DYING, str(point), str(armed)), port=server.port
        )
        back = [await Player.join(server.ws_url, session=session) for session in sessions]
        assert [guest.id for guest in back] == [guest.id for guest in guests]
        stands = how_it_stands(database)
        if stands == AFTER:  # the last cut came after the commit
            statuses = [guest.standing["status"] for guest in back]
            assert statuses == ["active", "inactive", "active"]
            server.kill()
            remove(database)
            shutil.copyfile(kept, database)
            server = start_server(
                "--move-seconds", "0", program=(*DYING, str(point), str(armed)), port=server.port
            )
            back = [await Player.join(server.ws_url, session=session) for session in sessions]
            stands = how_it_stands(database)
        assert stands == BEFORE
        armed.touch()
        acknowledged = await wins(back[0])
        if acknowledged and server.process.poll() is None and not await dies(server):
            break
        armed.unlink()
        told = [await was_told_of_the_end(guest) for guest in back]
        stands = how_it_stands(database)
        assert stands == AFTER or not (acknowledged or any(told)), "told, and lost"
        cuts[stands] += 1
    else:
        raise AssertionError("more statements than this test can count")
    assert cuts[BEFORE] > 10
    assert cuts[AFTER] > 0
    report(f"cut at {sum(cuts.values())} statements, {cuts[AFTER]} of them after the commit")


async def test_start_that_is_cut_anywhere_is_made_good_by_the_next(
    start_server: StartServer, tmp_path: Path, report: Report
) -> None:
    server = start_server("--move-seconds", "0")
    armed = tmp_path / "armed"
    guests = await a_move_before_a_win(server)
    seed = await Player.join(server.ws_url, seed=True)
    server.kill()
    armed.touch()
    points = 0
    while await dies_in_starting(server.database, points + 1, armed):
        assert how_it_stands(server.database) == BEFORE
        points += 1
        assert points < MOST_POINTS
    assert points > 10
    report(f"cut at {points} statements")
    server = start_server("--move-seconds", "0")
    back = [await Player.join(server.ws_url, session=guest.session) for guest in guests]
    assert [guest.id for guest in back] == [guest.id for guest in guests]
    assert seed.id not in back[0].users
    assert await wins(back[0])


async def test_first_start_that_is_cut_anywhere_is_made_good_by_the_next(
    start_server: StartServer, tmp_path: Path, report: Report
) -> None:
    database, armed = tmp_path / "lobby.db", tmp_path / "armed"
    armed.touch()
    points = 0
    while await dies_in_starting(database, points + 1, armed):
        points += 1
        assert points < MOST_POINTS
        if database.exists() and Tables.exist(database):
            break  # what follows is a start like any other
    assert points > 10
    report(f"cut at {points} statements")
    server = start_server()
    assert (await Player.join(server.ws_url)).marker == "X"


async def dies(server: ServerProcess) -> bool:
    """Tell whether the server is dead, or dies of what it does after the acknowledgement."""
    try:
        await asyncio.to_thread(server.process.wait, 1)
    except subprocess.TimeoutExpired:
        return False
    return True


async def dies_in_starting(database: Path, point: int, armed: Path) -> bool:
    """Start a server that is to die before that statement; tell whether it did."""
    command = [sys.executable, *DYING, str(point), str(armed), "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *(*command, "--store", f"sqlite:///{database}"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        lives = await process.stdout.readline() != b""
        if lives:
            process.kill()
        code = await process.wait()
    assert code == -signal.SIGKILL
    return not lives


def remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
