"""Measure a phone's frame rate in a room of ten thousand, compared to a short line.

In both lines twenty things change every second: names, marks, and sometimes a game ends and the
line moves up. The measured page is among the first hundred, who see every change at once, and its
processor is slowed down to that of a phone. Its work must not grow with the line. The ratios
matter; absolute figures depend on the machine. It needs Chromium, as the browser tests do.

    make frames
"""

import argparse
import asyncio
import itertools
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import FLAGS, HOW_TO_GET_IT, chromium
from tests.browser.guest import Guest
from tests.lab.player import DEADLINE, Player
from tests.lab.server_process import ServerProcess

SHORT, LONG = 150, 10_000
CHANGES_PER_SECOND = 20
PRESENT = 40  # users who make the changes; the others in line do nothing
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SERVER_FLAGS = ("--resume-seconds", "3600", "--max-waiting", "20000", "--move-seconds", "60")
LATE_MS = 1000 / 60 * 1.5

STAND_IN_LINE = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO users (connection_id, room, username)
    SELECT printf('hand-%05d', n), ?, printf('Guest %d', n) FROM numbers"""
WATCH_FRAMES = """() => {
    window.frames_ms = [];
    let before = performance.now();
    const note = (now) => {
        frames_ms.push(now - before);
        before = now;
        requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
}"""


class Figures(NamedTuple):
    """The cost of one measured period for the page."""

    waiting: int
    messages: int
    frames_per_second: float
    late_percent: float
    longest_ms: float
    work_ms: float  # of the main thread, for one second

    def __str__(self) -> str:
        return (
            f"{self.waiting:6,} in line: {self.frames_per_second:.1f} frames/s, "
            f"{self.late_percent:.1f} % late, longest {self.longest_ms:.0f} ms; "
            f"{self.messages} messages; the main thread works {self.work_ms:.0f} ms a second"
        )


class Night:
    """A room with continuous changes, and a page that watches it."""

    def __init__(self, server: ServerProcess, room: str, waiting: int) -> None:
        self.server = server
        self.room = room
        self.waiting = waiting
        self.messages = 0
        self._busy: asyncio.Task[None] | None = None

    async def begin(self, browser: Browser, slowdown: float) -> None:
        """Fill the room, and put a phone in line."""
        url = f"{self.server.ws_url}/{self.room}"
        self._players = [await Player.join(url) for _ in range(PRESENT)]
        phone = await browser.new_context(**PHONE)
        self._guest = await Guest.open(phone, self.server.url + self.room, "Phone")
        page = self._guest.page
        await self._guest.join()
        by_hand = self.waiting - (PRESENT - 2) - 1
        with closing(sqlite3.connect(self.server.database, timeout=30)) as database, database:
            database.execute(STAND_IN_LINE, (by_hand, self.room))
        for player in self._players:
            await self._sees_the_line(player)
        await self._guest.sees(f"{self.waiting:,} waiting")
        self._devtools = await page.context.new_cdp_session(page)
        await self._devtools.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        await self._devtools.send("Performance.enable")
        await self._devtools.send("Network.enable")
        self._devtools.on("Network.webSocketFrameReceived", self._count)
        await page.evaluate(WATCH_FRAMES)
        self._busy = asyncio.create_task(self._keep_busy())

    async def _sees_the_line(self, player: Player) -> None:
        player.patience = 120
        await player.until_true(lambda: player.waiting == self.waiting)
        player.patience = DEADLINE

    def _count(self, _: object) -> None:
        self.messages += 1

    async def _keep_busy(self) -> None:
        started = time.monotonic()
        for number in itertools.count():
            # The interval between changes.
            await asyncio.sleep(started + number / CHANGES_PER_SECOND - time.monotonic())
            await self._change(number)

    async def _change(self, number: int) -> None:
        one = self._players[number % PRESENT]
        await one.sync()
        game = one.game
        if game is not None and one.id == game["players"].get(game["turn"]):
            await one.move(game["board"].index("."))
        else:
            await one.ask(action="updateDB", username=f"Name {number}")
        one.messages.clear()

    async def look(self, seconds: float) -> Figures:
        """Measure for this long."""
        assert self._busy is not None
        page = self._guest.page
        await page.evaluate("frames_ms.length = 0")
        self.messages = 0
        work, started = await self._work(), time.monotonic()
        await asyncio.wait([self._busy], timeout=seconds)  # the measured period
        if self._busy.done():
            self._busy.result()
        taken = time.monotonic() - started
        work = await self._work() - work
        frames: list[float] = await page.evaluate("frames_ms")
        late = sum(frame > LATE_MS for frame in frames)
        return Figures(
            self.waiting,
            self.messages,
            len(frames) / taken,
            100 * late / len(frames),
            max(frames),
            1000 * work / taken,
        )

    async def _work(self) -> float:
        answer = await self._devtools.send("Performance.getMetrics")
        values = {row["name"]: row["value"] for row in answer["metrics"]}
        return float(values["TaskDuration"])

    async def end(self) -> None:
        """Disconnect everybody."""
        if self._busy is not None:
            self._busy.cancel()
            await asyncio.gather(self._busy, return_exceptions=True)
        await self._guest.context.close()
        for player in self._players:
            await player.leave()


async def measure(rounds: int, seconds: float, slowdown: float) -> None:
    """Measure both rooms in turns, and print how they compare."""
    async with async_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            sys.exit(HOW_TO_GET_IT)
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        figures: dict[int, list[Figures]] = {SHORT: [], LONG: []}
        for number in range(rounds):
            for waiting in (SHORT, LONG):
                with tempfile.TemporaryDirectory() as folder:
                    server = ServerProcess(Path(folder) / "night.db", SERVER_FLAGS)
                    night = Night(server, f"night-{number}", waiting)
                    try:
                        await night.begin(browser, slowdown)
                        figures[waiting].append(await night.look(seconds))
                        await night.end()
                    finally:
                        server.kill()
                print(figures[waiting][-1], flush=True)
        await browser.close()
    for name in ("work_ms", "frames_per_second"):
        long, short = ([getattr(one, name) for one in figures[n]] for n in (LONG, SHORT))
        print(f"{name}, long to short: {median(long) / median(short):.2f}")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds per room (default 3)")
    parser.add_argument("--seconds", type=float, default=10, help="duration per room (default 10)")
    parser.add_argument(
        "--slowdown", type=float, default=4, help="factor for the processor (default 4)"
    )
    given = parser.parse_args()
    asyncio.run(measure(given.rounds, given.seconds, given.slowdown))


if __name__ == "__main__":
    main()
