"""Killed with -9 at any moment and started again: what was told is true, nobody loses a place."""

import asyncio
import random

from tests.faults.conftest import Report, StartServer
from tests.faults.guests import Guest, read_out
from tests.faults.tables import Tables
from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

KILLS = 50
ROOMS = [f"room-{number}" for number in range(6)]


async def test_fifty_kills_in_a_busy_evening(start_server: StartServer, report: Report) -> None:
    asyncio.get_running_loop().set_debug(False)
    chance = random.Random(KILLS)
    server = start_server()
    guests = [Guest(server.ws_url, room, f"{room} {n}") for room in ROOMS for n in range(6)]
    guests += [Guest(server.ws_url, "mixed", f"old {n}", seed=True) for n in range(2)]
    guests += [Guest(server.ws_url, "mixed", f"new {n}") for n in range(3)]
    for _ in range(KILLS):
        tables = await _kill(server, guests, after=chance.uniform(0, 0.6))
        server = start_server(port=server.port)
        await asyncio.gather(*(guest.resume(tables) for guest in guests))
        Tables.read(server.database).check()
    acknowledged = sum(guest.acknowledged for guest in guests)
    assert acknowledged > KILLS * len(guests)
    report(f"{KILLS} kills, {len(guests)} guests, {acknowledged} acknowledgements, none lost")


async def _kill(server: ServerProcess, guests: list[Guest], after: float) -> Tables:
    """Kill the server while all of them act; return what it had stored, having checked it."""
    acting = [asyncio.create_task(guest.play()) for guest in guests]
    await asyncio.wait(acting, timeout=after)  # the moment is the fault; nothing is waited for
    server.kill()
    await asyncio.gather(*acting)
    await read_out(guests)
    await Player.send_home()
    tables = Tables.read(server.database)
    tables.check()
    for guest in guests:
        guest.check(tables)
    return tables
