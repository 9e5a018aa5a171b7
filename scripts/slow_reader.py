"""Measure what a stuck reader costs the others, and the server's memory.

Rounds with and without a stuck reader alternate, because machines are noisy; quote the ratio. A
sample is the time from a rename until one reader has received it. The stuck reader is a seed client
and is sent whole lists. Another seed client always reads, so that the lists are encoded in every
round. Exits with 1 if a promise is broken.

    make slow-reader ARGS="--readers 500 --rounds 6"
"""

import argparse
import asyncio
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from server.settings import Settings
from tests.lab.crowd import COMPLETE, Client, connect, upgrade
from tests.lab.machine import allow_many_files, memory_kb
from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

# The client that makes changes is a player and must keep its seat: readers don't see the end of the
# line.
FLAGS = ("--move-seconds", "0", "--messages-per-second", "1000000", "--burst", "1000000")
MOST_DELAY = 1.5
# Enough that the slowest hundredth of the deliveries is not that of a single change.
CHANGES = 300
# Enough stuck readers to measure the memory of each.
STUCK_FOR_MEMORY = 40
SEED_UPGRADE = upgrade("lobby", seed=True)
# Says that its sender lives, so that nobody is taken for dead; the server asks every 5 s at most.
PONG = b"\x8a\x80\0\0\0\0"
PONG_SECONDS = 4.0


class Audience:
    """All readers, and the change that they wait for."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._marker = COMPLETE
        self._changed = 0.0
        self._missing = 0
        self._complete = asyncio.Event()

    def expect(self, marker: bytes, readers: int) -> None:
        """Start waiting for the marker."""
        self._marker, self._missing = marker, readers
        self._complete.clear()
        self._changed = time.perf_counter()

    async def complete(self) -> None:
        """Wait until everybody has read it."""
        async with asyncio.timeout(30):
            await self._complete.wait()

    def read(self, tail: bytes) -> bytes:
        """Search for the marker; return a tail that may be the start of one."""
        if self._marker not in tail:
            return tail[-len(self._marker) :]
        self.samples.append(time.perf_counter() - self._changed)
        self._missing -= 1
        if not self._missing:
            self._complete.set()
        return b""


class Reader(Client):
    """A client that reads."""

    def __init__(self, request: bytes, audience: Audience) -> None:
        super().__init__(request)
        self._audience = audience
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        """Read."""
        self._tail = self._audience.read(self._tail + data)


class Trial:
    """A server, its readers, and a player who makes changes."""

    def __init__(self, server: ServerProcess, readers: int) -> None:
        self.server = server
        self.readers = readers
        self.audience = Audience()
        self._changes = 0
        self._readers: list[Reader] = []

    async def fill(self) -> None:
        """Connect everybody."""
        self.changer = await Player.join(self.server.ws_url)
        requests = [upgrade("lobby")] * (self.readers - 1) + [SEED_UPGRADE]
        self.audience.expect(COMPLETE, self.readers)
        for request in requests:
            reader = Reader(request, self.audience)
            self._readers.append(await connect(self.server.port, reader))
        await self.audience.complete()

    async def live(self) -> None:
        """Send pongs for all readers until cancelled."""
        while True:
            for reader in self._readers:
                reader.transport.write(PONG)
            await asyncio.sleep(PONG_SECONDS)  # the interval between pongs

    async def change(self, times: int = 1) -> None:
        """Make changes, and wait after each until all have received it."""
        for _ in range(times):
            self._changes += 1
            name = f"change {self._changes}."
            self.audience.expect(name.encode(), self.readers)
            await self.changer.ask(action="updateDB", username=name)
            await self.audience.complete()
            self.changer.messages.clear()

    async def measure(self) -> list[float]:
        """Return the samples of one round."""
        await self.change(5)
        self.audience.samples = []
        await self.change(CHANGES)
        return self.audience.samples

    async def stick(self, count: int) -> list[socket.socket]:
        """Connect clients that don't read, and make changes until all of them are stuck."""
        wanted = self._stuck() + count
        stuck = []
        for _ in range(count):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            address = ("127.0.0.1", self.server.port)
            await asyncio.get_running_loop().sock_connect(reader, address)
            reader.send(SEED_UPGRADE)
            stuck.append(reader)
        while self._stuck() < wanted:
            await self.change(5)
        return stuck

    def _stuck(self) -> int:
        return int(self.server.metric("slow_clients_total"))

    async def go(self, stuck: list[socket.socket]) -> None:
        """Disconnect the stuck readers, and wait until the server has noticed."""
        for reader in stuck:
            reader.close()
        await self.changer.until_true(lambda: len(self.changer.users) <= self._most_users())

    def _most_users(self) -> int:
        return min(self.readers + 1, 102)


def p99(samples: list[float]) -> float:
    """Return the 99th percentile in milliseconds."""
    return statistics.quantiles(samples, n=100)[98] * 1000


async def compare(readers: int, rounds: int) -> bool:
    """Print what a stuck reader costs; return whether the promises are kept."""
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "lobby.db", FLAGS)
        try:
            trial = Trial(server, readers)
            await trial.fill()
            living = asyncio.create_task(trial.live())
            rounds_p99: list[tuple[float, float]] = []
            await trial.measure()  # warm up
            for _ in range(rounds):
                without = p99(await trial.measure())
                stuck = await trial.stick(1)
                rounds_p99.append((without, p99(await trial.measure())))
                await trial.go(stuck)
            before = memory_kb(server.process.pid)
            crowd = await trial.stick(STUCK_FOR_MEMORY)
            each = (memory_kb(server.process.pid) - before) / STUCK_FOR_MEMORY
            await trial.go(crowd)
            living.cancel()
        finally:
            server.kill()
    # Compare by rounds, so that one round on a busy machine does not decide.
    without, beside = (statistics.median(column) for column in zip(*rounds_p99, strict=True))
    ratio = statistics.median(b / a for a, b in rounds_p99)
    limit = Settings.model_fields["max_buffer_bytes"].default / 1024
    print(f"{readers} readers, {rounds} rounds of {CHANGES} changes each way")
    print(f"delivery p99 without a stuck reader: {without:6.1f} ms")
    print(f"delivery p99 beside a stuck reader:  {beside:6.1f} ms, ratio {ratio:.2f}")
    print(f"memory of a stuck reader: {each:.0f} KB; its buffer limit is {limit:.0f} KB")
    return ratio <= MOST_DELAY and each <= 2 * limit


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--readers", type=int, default=500, help="number of readers")
    parser.add_argument("--rounds", type=int, default=6, help="rounds with and without")
    options = parser.parse_args()
    allow_many_files()
    sys.exit(not asyncio.run(compare(options.readers, options.rounds)))


if __name__ == "__main__":
    main()
