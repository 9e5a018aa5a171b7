"""Play for many minutes, disconnect everybody, and check for leaks.

Hundreds of clients join, move, rename, reload, vanish, watch and leave, in many rooms. When all are
gone and their places have expired, the server must be as it was after a short warm-up: its memory
within a tenth, and no more rows, rooms, sockets, tasks, timers, threads or files. Exits with 1 if
not.

    make soak MINUTES=10
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.lab.machine import allow_many_files, memory_kb
from tests.lab.player import Player
from tests.lab.server_process import ServerProcess

# Short times, so that clients that vanish for good are soon forgotten.
FLAGS = ("--resume-seconds", "4", "--seat-seconds", "2", "--move-seconds", "5")
ROOMS = 25
WARM_UP_SHARE = 0.25
MOST_MEMORY = 1.10
# How long the cleanup may take once everybody is gone (seconds).
END_SECONDS = 60.0
PROGRESS_SECONDS = 10.0
# The longest pause of a client between two actions (seconds).
THINKING_SECONDS = 1.5


class Evening:
    """A number of clients, each entering and leaving a room until the evening is over."""

    def __init__(self, server: ServerProcess, clients: int) -> None:
        self.server = server
        self.clients = clients
        self.joined = self.acts = self.games = 0
        self.inside = 0
        self._over = asyncio.Event()

    async def last(self, seconds: float, name: str) -> None:
        """Play for this long, then disconnect everybody."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.clients):
                tasks.create_task(self._client(number))
            while (left := started + seconds - time.monotonic()) > 0:
                await asyncio.sleep(min(left, PROGRESS_SECONDS))  # play
                self._tell(name, time.monotonic() - started)
            self._over.set()

    def _tell(self, name: str, seconds: float) -> None:
        done = f"{self.inside} inside, {self.joined} joined, {self.acts} acts"
        memory = f"{memory_kb(self.server.process.pid) / 1024:.1f} MB"
        print(f"{name} {seconds:5.0f} s: {done}, {memory}", flush=True)

    async def _client(self, number: int) -> None:
        chance = random.Random(number)
        while not self._over.is_set():
            await self._think(chance)
            kind = chance.random()
            player = await self._join(number, seed=kind < 0.1, watch=kind > 0.9)
            await self._stay(player, number, chance)

    async def _join(
        self, number: int, *, seed: bool = False, watch: bool = False, session: str | None = None
    ) -> Player:
        url = f"{self.server.ws_url}/room-{number % ROOMS}"
        player = await Player.join(url, seed=seed, watch=watch, session=session)
        Player.everyone.remove(player)
        self.joined += 1
        self.inside += 1
        return player

    async def _stay(self, player: Player, number: int, chance: random.Random) -> None:
        """Act until the client leaves, or loses its socket for good."""
        while True:
            with contextlib.suppress(ConnectionClosed):
                while not self._over.is_set() and chance.random() > 0.05:
                    await self._act(player, chance)
                    player.messages.clear()
                    await self._think(chance)
            self.inside -= 1
            if not self._over.is_set() and not player.seed and chance.random() < 0.6:
                player.vanish()  # a reload, or a short loss of the network
                player = await self._join(number, session=player.session)
            elif chance.random() < 0.5:
                await player.leave()
                return
            else:
                player.vanish()
                return

    async def _act(self, player: Player, chance: random.Random) -> None:
        self.acts += 1
        await player.sync()
        game = player.game
        turn = game["turn"] if game else None
        if game is not None and turn is not None and game["players"][turn] == player.id:
            free = [cell for cell, mark in enumerate(game["board"]) if mark == "."]
            await player.move(chance.choice(free))
        match chance.randrange(8):
            case 0:
                await player.ask(action="updateDB", username=f"Guest {chance.random()}")
            case 1:
                await player.ask(action="leaveQueue")
            case 2 | 3:
                await player.ask(action="joinQueue")
            case 4:
                await player.ask(action="gameOVER", loserId=player.id)
            case 5:
                await player.say(action="nonsense")

    async def _think(self, chance: random.Random) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0, THINKING_SECONDS)):
                await self._over.wait()


class Traces:
    """What a server holds when nobody is connected."""

    def __init__(self, server: ServerProcess, counts_file: Path) -> None:
        self._server = server
        self._counts_file = counts_file
        self._files_before: int | None = None

    async def take(self) -> dict[str, int]:
        """Wait until the last place has expired, then count."""
        await self._until(lambda: self._rows() == 0, "rows are left")
        await self._until(lambda: self._server.metric("rooms") == 0, "rooms are left")
        await self._until(lambda: self._server.metric("connections") == 0, "sockets are left")
        await self._until(lambda: self._server.metric("absent") == 0, "absentees are left")
        process = Path(f"/proc/{self._server.process.pid}")
        await self._until(lambda: self._files() <= (self._files_before or 10**6), "files are left")
        self._files_before = self._files_before or self._files()
        counts = await self._counts()
        return {
            "memory (KB)": memory_kb(self._server.process.pid),
            "rows": self._rows(),
            "files": self._files(),
            "threads": len(list((process / "task").iterdir())),
            **counts,
            "log errors": self._log_errors(),
        }

    async def _until(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + END_SECONDS
        while not await asyncio.to_thread(condition):
            if time.monotonic() > deadline:
                print(f"after {END_SECONDS:.0f} s {complaint}")
                return
            await asyncio.sleep(0.25)  # there is no event to wait for

    async def _counts(self) -> dict[str, int]:
        self._counts_file.unlink(missing_ok=True)
        self._server.process.send_signal(signal.SIGUSR1)
        await self._until(self._counts_file.exists, "nothing has been counted")
        counts: dict[str, int] = json.loads(self._counts_file.read_text())
        return counts

    def _rows(self) -> int:
        with contextlib.closing(sqlite3.connect(self._server.database)) as database:
            query = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM games)"
            return int(database.execute(query).fetchone()[0])

    def _files(self) -> int:
        return len(list(Path(f"/proc/{self._server.process.pid}/fd").iterdir()))

    def _log_errors(self) -> int:
        return sum(line["level"] in ("error", "critical") for line in self._server.log_lines())


def verdict(before: dict[str, int], after: dict[str, int]) -> bool:
    """Print what was held before and after; return whether nothing is left over."""
    print(f"{'':14} {'before':>8} {'after':>8}")
    clean = True
    for name, count in after.items():
        most = before[name] * MOST_MEMORY if name.startswith("memory") else before[name]
        complaint = "" if count <= most else "  <-- left over"
        clean = clean and not complaint
        print(f"{name:14} {before[name]:8} {count:8}{complaint}")
    return clean and before["rows"] == before["log errors"] == 0


async def soak(minutes: float, clients: int) -> bool:
    """Play, and return whether nothing is left over."""
    with tempfile.TemporaryDirectory() as folder:
        counts_file = Path(folder) / "counts.json"
        program = ("-m", "tests.lab.counting_server", os.fspath(counts_file))
        server = ServerProcess(Path(folder) / "lobby.db", FLAGS, program=program)
        try:
            traces = Traces(server, counts_file)
            seconds = minutes * 60
            await Evening(server, clients).last(seconds * WARM_UP_SHARE, "warm-up")
            before = await traces.take()
            await Evening(server, clients).last(seconds * (1 - WARM_UP_SHARE), "soak")
            clean = verdict(before, await traces.take())
            code, taken = server.stop()
            print(f"exit code {code} after {taken:.1f} s")
            return clean and code == 0
        finally:
            server.kill()


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long to play")
    parser.add_argument("--clients", type=int, default=300, help="number of clients")
    options = parser.parse_args()
    allow_many_files()
    clean = asyncio.run(soak(options.minutes, options.clients))
    print("nothing is left over" if clean else "something is left over")
    sys.exit(not clean)


if __name__ == "__main__":
    main()
