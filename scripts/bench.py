"""Measure the cost of a delivery, a connection and a move, relative to a bare `websockets` server.

Both servers run side by side and take turns, because machines are noisy; quote the ratios. A
delivery is one change read by one client. The bare server answers a trigger with `broadcast()`.

    make bench ARGS="--clients 1000 --rounds 40"
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from websockets.asyncio import client
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from tests.lab.crowd import COMPLETE, Client, by_the_hundred, connect, upgrade
from tests.lab.machine import allow_many_files, cpu_seconds, memory_kb
from tests.lab.server_process import ROOT

HANDSHAKE = upgrade("")

BARE_SERVER = """
import asyncio, json
from websockets.asyncio.server import broadcast, serve
everybody = set()
async def handle(socket):
    everybody.add(socket)
    await socket.send('{"action":"gameUpdate"}')
    async for text in socket:
        broadcast(everybody, json.loads(text)["frame"])
async def main():
    options = {"compression": None, "ping_interval": None, "backlog": 4096}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await asyncio.Future()
asyncio.run(main())
"""


class Reader(Client):
    """A client that only reads and counts, so that it adds little to the measurement."""

    def __init__(self, contest: "Contestant") -> None:
        super().__init__(HANDSHAKE)
        self._contest = contest

    def data_received(self, data: bytes) -> None:
        """Count the markers that the round waits for."""
        self._contest.count(data.count(self._contest.marker))


@dataclass
class Contestant:
    """One of the servers, and its crowd."""

    name: str
    command: list[str]
    marker: bytes = COMPLETE
    seen: int = 0
    wanted: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    costs: list[float] = field(default_factory=list)

    def count(self, frames: int) -> None:
        """Count frames; wake the round when all have arrived."""
        self.seen += frames
        if self.seen >= self.wanted:
            self.reached.set()

    def expect(self, marker: bytes, frames: int) -> None:
        """Reset the count."""
        self.marker, self.seen, self.wanted = marker, 0, frames
        self.reached.clear()

    async def all_seen(self) -> None:
        """Wait until everything expected has arrived."""
        async with asyncio.timeout(60):
            await self.reached.wait()

    def start(self) -> None:
        """Start the server and read its address."""
        self.process = subprocess.Popen(self.command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rstrip("/\n").rsplit(":", 1)[1])
        self.base_memory = memory_kb(self.process.pid)

    async def fill(self, clients: int) -> None:
        """Connect the crowd, a hundred at a time."""
        self.expect(COMPLETE, clients)
        started = time.perf_counter()
        await by_the_hundred(clients, lambda: connect(self.port, Reader(self)))
        await self.all_seen()
        self.arrivals = clients / (time.perf_counter() - started)
        self.memory_each = (memory_kb(self.process.pid) - self.base_memory) / clients


async def contest(clients: int, rounds: int) -> None:
    """Let the servers take turns and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        flags = [
            "--port",
            "0",
            "--messages-per-second",
            "1000000",
            "--burst",
            "1000000",
            "--log-level",
            "error",
        ]
        store = f"sqlite:///{folder}/bench.db"
        ours = Contestant(
            "winner-stays", [sys.executable, "-m", "server", "--store", store, *flags]
        )
        bare = Contestant("bare websockets", [sys.executable, "-c", BARE_SERVER])
        servers = (ours, bare)
        try:
            for server in servers:
                server.start()
            v1 = [Subprotocol("winner-stays.v1")]
            async with (
                client.connect(f"ws://127.0.0.1:{ours.port}/", subprotocols=v1) as player,
                client.connect(f"ws://127.0.0.1:{bare.port}/") as trigger,
            ):
                readers = [asyncio.create_task(_read(socket)) for socket in (player, trigger)]
                for server in servers:
                    await server.fill(clients)
                for number in range(rounds):
                    name = f"round {number}"
                    rename = f'{{"action":"updateDB","username":"{name}"}}'
                    await _measure(ours, player, rename, name.encode() + b'"', clients)
                    frame = "x" * 180 + name + "!"
                    text = f'{{"frame":"{frame}"}}'
                    await _measure(bare, trigger, text, name.encode() + b"!", clients)
                for task in readers:
                    task.cancel()
        finally:
            for server in servers:
                server.process.kill()
                server.process.wait()
    _print(servers, clients)


async def _read(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


async def _measure(
    server: Contestant, socket: ClientConnection, text: str, marker: bytes, clients: int
) -> None:
    server.expect(marker, clients)
    before = cpu_seconds(server.process.pid)
    await socket.send(text)
    await server.all_seen()
    server.costs.append((cpu_seconds(server.process.pid) - before) / clients * 1e6)


def _print(servers: tuple[Contestant, ...], clients: int) -> None:
    floor = statistics.median(servers[1].costs)
    print(f"{clients} clients, {len(servers[0].costs)} rounds")
    print(f"{'':16} {'us CPU/delivery':>16} {'ratio':>6} {'KB/client':>10} {'arrivals/s':>11}")
    for server in servers:
        cost = statistics.median(server.costs)
        costs = f"{cost:16.1f} {cost / floor:6.2f}"
        print(f"{server.name:16} {costs} {server.memory_each:10.1f} {server.arrivals:11.0f}")


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=1000, help="size of each crowd")
    parser.add_argument("--rounds", type=int, default=30, help="changes that each server announces")
    options = parser.parse_args()
    allow_many_files()
    asyncio.run(contest(options.clients, options.rounds))


if __name__ == "__main__":
    main()
