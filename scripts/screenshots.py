"""Take the screenshots for the README: a game night on a real server, seen from several pages.

Run by `make screenshots`; they are saved in docs/screenshots. It needs Chromium, as the browser
tests do (see tests/browser/conftest.py).
"""

import asyncio
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import FLAGS, HOW_TO_GET_IT, chromium
from tests.browser.guest import STANDSTILL, Guest
from tests.lab.server_process import ROOT, ServerProcess

PICTURES = ROOT / "docs/screenshots"
MOST_BYTES = 150_000

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
WALL: dict[str, Any] = {"viewport": {"width": 1280, "height": 720}}
NIGHT: dict[str, Any] = {"color_scheme": "dark"}
LINE = ("Dev", "Zoë", "Fay", "Grandmaster Gus", "Hal")
# As a PNG, the grain of the paper alone would take half a megabyte.
WITHOUT_GRAIN = "document.documentElement.style.setProperty('--grain', 'none')"
FLAGS_OF_THE_NIGHT = ("--move-seconds", "90", "--public-url", "http://192.168.1.20:8080")


async def main() -> None:
    """Play the night and take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            sys.exit(HOW_TO_GET_IT)
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            server = ServerProcess(Path(folder) / "night.db", FLAGS_OF_THE_NIGHT, port)
            try:
                browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
                await play(browser, f"http://127.0.0.1:{port}/")
                await browser.close()
            finally:
                server.kill()


def free_port() -> int:
    """Return a free port, since the server prints another address than it listens on here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def play(browser: Browser, url: str) -> None:
    """Let Ada win twice, and almost a third time."""

    async def join(name: str, **options: Any) -> Guest:
        guest = await Guest.open(await browser.new_context(**options), url, name)
        await guest.join()
        return guest

    ada = await join("Ada", **DESK)
    await picture(ada, "lobby")
    ben, cleo = await join("Ben", **PHONE), await join("Cleo", **DESK, **NIGHT)
    line = [await join(name, **PHONE, **NIGHT) for name in LINE]
    for guest in (ben, cleo):
        for cell in (0, 1):
            await ada.move(cell)
            await guest.move(cell + 3)
        if guest is cleo:
            break
        await ada.move(2)
    await picture(cleo, "dark")
    await ada.move(2)
    for guest, name in ((ben, "result-phone"), (line[1], "phone-dark"), (ada, "result")):
        await picture(guest, name)

    dev = line[0]
    for cell, reply in ((4, 0), (2, 8)):
        await ada.move(cell)
        await dev.move(reply)
    await ada.page.locator(".cell").nth(6).hover()
    await picture(ada, "game")
    await picture(ben, "phone")
    wall = await browser.new_context(**WALL, **NIGHT)
    screen = await Guest.open(wall, f"{url}?screen")
    await screen.sees_board("O.X.X...O")
    await picture(screen, "screen")


async def picture(guest: Guest, name: str) -> None:
    """Take a screenshot once nothing moves."""
    await guest.is_live()
    await expect(guest.page.locator("#turn p")).not_to_be_empty()
    await guest.page.evaluate(WITHOUT_GRAIN)
    await guest.page.evaluate(STANDSTILL)
    file = PICTURES / f"{name}.png"
    await guest.page.screenshot(path=file)
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes")
    assert file.stat().st_size < MOST_BYTES, "too large for a README"


if __name__ == "__main__":
    asyncio.run(main())
