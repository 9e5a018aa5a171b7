"""Measure what flooding sockets cost the other players, and the server's memory.

Players request a new name several times a second, first beside silent sockets, then while these
attack from a separate process. A sample is the time until a response. Machines are noisy, so quote
the ratios. Exits with 1 if a promise is broken.

    make hostile ARGS="--sockets 150 --seconds 10"
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import NamedTuple

from server.settings import Settings
from server.sockets.allowance import FRAMES_A_MESSAGE
from tests.lab.machine import cpu_seconds, memory_kb
from tests.lab.player import Player
from tests.lab.raw import PING, TEXT, Raw, frame, upgrade_request
from tests.lab.server_process import ROOT, ServerProcess

PLAYERS = 10
PROTOCOLS = ["winner-stays.v1"]
ASK_SECONDS = 0.12  # slightly longer than the rate limit requires
MOST_DELAY = 3.0
MOST_MEMORY_MB = 60.0
BURST = frame(TEXT) * 21_600  # 127 KB
FRAGMENTS = frame(TEXT, fin=False) + frame(0, fin=False) * 4089
PING_SECONDS = 0.1
PINGS = frame(PING) * round(40_000 * PING_SECONDS / len(frame(PING)))
# As many as the limits allow, so that the sockets are not closed.
ALLOWED_PINGS = frame(PING) * round(
    Settings.model_fields["messages_per_second"].default * FRAMES_A_MESSAGE * PING_SECONDS
)
# The server cuts off a flooder after two seconds, even one that has hung up.
CUT_OFF_SECONDS = 3.0


async def say(raw: Raw, words: bytes) -> None:
    """Send the words once, and wait to be cut off."""
    raw.writer.write(words)
    await until_cut_off(raw)


async def until_cut_off(raw: Raw) -> None:
    """Read until the connection is lost."""
    with contextlib.suppress(ConnectionError):
        await raw.reader.read(-1)


async def repeat(raw: Raw, words: bytes) -> None:
    """Send the words again and again."""
    reading = asyncio.create_task(until_cut_off(raw))
    while not reading.done():
        raw.writer.write(words)
        await asyncio.wait([reading], timeout=PING_SECONDS)


async def come_again(raw: Raw, words: bytes, port: int, path: str, until: float) -> None:
    """Send the words, hang up and reconnect, again after a refusal, too."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            raw.writer.write(words)
            await raw.writer.drain()
            raw.writer.transport.abort()
            raw = await Raw.connect(port)
            await raw.request(upgrade_request(path, PROTOCOLS))
    raw.writer.transport.abort()


class Attack(NamedTuple):
    """An attack: what each socket does, and whether it stays within the limits."""

    name: str
    stays: bool = False


ATTACKS = {
    "messages": Attack("127 KB of empty messages"),
    "return": Attack("127 KB, hang up, come again"),
    "fragments": Attack("a message in 4090 fragments"),
    "pings": Attack("40 KB of pings a second"),
    "allowed": Attack("as many pings as allowed", stays=True),
}


def act(kind: str, raw: Raw, port: int, path: str, until: float) -> Awaitable[None]:
    """Return the behaviour of a socket in this kind of attack."""
    match kind:
        case "messages":
            return say(raw, BURST)
        case "return":
            return come_again(raw, BURST, port, path, until)
        case "fragments":
            return say(raw, FRAGMENTS)
        case "pings":
            return repeat(raw, PINGS)
    return repeat(raw, ALLOWED_PINGS)


async def attack(kind: str, port: int, path: str, sockets: int, seconds: float) -> None:
    """Connect, report it, wait for the signal, and attack."""
    raws = [await Raw.upgrade(port, path, PROTOCOLS) for _ in range(sockets)]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    until = time.monotonic() + seconds
    acts = [act(kind, raw, port, path, until) for raw in raws]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*acts, return_exceptions=True)
    if kind == "return":
        await Raw.send_home()
    # Otherwise don't hang up: the sockets that the server has not cut off are counted.
    print("done", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


class Figures(NamedTuple):
    """The cost of one attack."""

    quiet_p50: float  # milliseconds
    quiet_p99: float
    p50: float
    p99: float
    ratio: float
    cpu_quiet: float  # seconds
    cpu: float
    memory_before: float  # MB
    memory_most: float
    still_open: float

    @classmethod
    def of(cls, rounds: list["Figures"]) -> "Figures":
        """Return the median of each timing, and the worst of the other figures."""
        middle = cls(*(statistics.median(column) for column in zip(*rounds, strict=True)))
        return middle._replace(
            memory_most=max(figures.memory_most for figures in rounds),
            still_open=max(figures.still_open for figures in rounds),
        )

    def holds(self, kind: Attack) -> bool:
        """Return whether the promises are kept."""
        growth = self.memory_most - self.memory_before
        cut_off = kind.stays or not self.still_open
        return self.ratio < MOST_DELAY and growth < MOST_MEMORY_MB and cut_off

    def row(self, kind: Attack) -> str:
        """Return a line of the table."""
        times = f"{self.quiet_p50:6.1f}/{self.quiet_p99:6.1f} {self.p50:6.1f}/{self.p99:6.1f}"
        cpu = f"{self.cpu_quiet:5.1f} {self.cpu:8.1f}"
        memory = f"{self.memory_before:6.0f} {self.memory_most:6.0f}"
        stay = f"{self.still_open:10.0f}{' (may)' if kind.stays else ''}"
        verdict = "" if self.holds(kind) else "  NOT as promised"
        return f"{kind.name:28} {times} {self.ratio:6.2f} {cpu} {memory} {stay}{verdict}"


def p99(samples: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(samples, n=100)[98]


def p50(samples: list[float]) -> float:
    """Return the median."""
    return statistics.median(samples)


async def ask_for(seconds: float, players: list[Player]) -> list[float]:
    """Let the players send requests for a while; return the response times in ms."""
    until = time.monotonic() + seconds
    samples: list[float] = []

    async def ask(player: Player, delay: float) -> None:
        await asyncio.sleep(delay)  # spread the players' requests
        number = 0
        while (started := time.monotonic()) < until:
            number += 1
            answer = await player.ask(action="updateDB", username=f"Guest {number}")
            assert answer["statusCode"] == 200, answer
            samples.append((time.monotonic() - started) * 1000)
            player.messages.clear()
            await asyncio.sleep(ASK_SECONDS)  # the interval between requests

    delays = [number * ASK_SECONDS / len(players) for number in range(len(players))]
    await asyncio.gather(*map(ask, players, delays))
    return samples


async def most_memory(pid: int, until: asyncio.Event) -> float:
    """Return the peak of the memory, in MB."""
    most = 0.0
    while not until.is_set():
        most = max(most, memory_kb(pid) / 1024)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), 0.1)
    return most


async def suffer(kind: str, sockets: int, seconds: float) -> Figures:
    """Start a server and players, attack them, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--move-seconds", "0", "--log-level", "warning")
        server = ServerProcess(Path(folder) / "lobby.db", flags)
        command = [sys.executable, "-m", "scripts.hostile", "--attack", kind]
        attackers = None
        try:
            players = [await Player.join(server.ws_url, max_size=None) for _ in range(PLAYERS)]
            for player in players:
                player.patience = 60
            attackers = await asyncio.create_subprocess_exec(
                *(*command, "--port", str(server.port), "--sockets", str(sockets)),
                *("--seconds", str(seconds)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert attackers.stdin is not None
            assert attackers.stdout is not None
            assert await attackers.stdout.readline() == b"ready\n"
            pid = server.process.pid
            await ask_for(1, players)  # warm up
            used = [cpu_seconds(pid)]
            quiet = await ask_for(seconds, players)
            used.append(cpu_seconds(pid))
            before, over = memory_kb(pid) / 1024, asyncio.Event()
            most = asyncio.create_task(most_memory(pid, over))
            attackers.stdin.write(b"go\n")
            under_attack = await ask_for(seconds, players)
            used.append(cpu_seconds(pid))
            if kind == "return":  # up to now
                await asyncio.sleep(CUT_OFF_SECONDS)  # the server's deadline
            still_open = await asyncio.to_thread(server.metric, "connections") - PLAYERS
            over.set()
            return Figures(
                *(p50(quiet), p99(quiet), p50(under_attack), p99(under_attack)),
                p99(under_attack) / p99(quiet),
                *(used[1] - used[0], used[2] - used[1], before, await most, still_open),
            )
        finally:
            if attackers is not None and attackers.returncode is None:
                attackers.kill()
                await attackers.wait()
            await Player.send_home()
            server.kill()


async def compare(kinds: list[str], sockets: int, seconds: float, rounds: int) -> bool:
    """Print what each attack costs; return whether all promises are kept."""
    print(f"{PLAYERS} players alone for {seconds:.0f} s, then with {sockets} attackers;", end=" ")
    print(f"the median of {rounds} rounds")
    print(
        f"{'':28} {'quiet ms':>13} {'attacked ms':>13} {'p99':>6} {'CPU s':>14} {'memory MB':>13}"
    )
    middle = f"{'p50/   p99':>13} {'p50/   p99':>13} {'ratio':>6} {'quiet':>5} {'attacked':>8}"
    middle += f" {'before':>6} {'most':>6}"
    print(f"{'attack':28} {middle} {'still open':>10}")
    good = True
    for kind in kinds:
        figures = Figures.of([await suffer(kind, sockets, seconds) for _ in range(rounds)])
        print(figures.row(ATTACKS[kind]), flush=True)
        good = good and figures.holds(ATTACKS[kind])
    return good


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sockets", type=int, default=150, help="number of attackers")
    parser.add_argument("--seconds", type=float, default=10, help="how long each attack lasts")
    parser.add_argument("--rounds", type=int, default=3, help="measurements per attack")
    parser.add_argument("--only", choices=ATTACKS, help="run this attack only")
    parser.add_argument("--attack", choices=ATTACKS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        asyncio.run(
            attack(options.attack, options.port, "/attackers", options.sockets, options.seconds)
        )
        return
    kinds = [options.only] if options.only else list(ATTACKS)
    sys.exit(not asyncio.run(compare(kinds, options.sockets, options.seconds, options.rounds)))


if __name__ == "__main__":
    main()
