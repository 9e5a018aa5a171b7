"""A real browser: the system's Chromium, driven by Playwright.

Without one, these tests are skipped and say how to install it; in CI (``CI=true``) they fail.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from tests.browser.guest import Guest, Invite
from tests.lab.server_process import ServerProcess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
HOW_TO_GET_IT = (
    "no Chromium: install it (on Debian and Ubuntu: apt install chromium), "
    "run `.venv/bin/playwright install chromium`, or name one: CHROMIUM=/path/to/chromium"
)


def chromium(playwright: Playwright) -> str | None:
    """Return the path of a Chromium: from ``CHROMIUM``, the system's, or Playwright's own."""
    own = playwright.chromium.executable_path
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return named or (own if Path(own).exists() else None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    async with async_playwright() as playwright:
        path = chromium(playwright)
        if path is None and os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        if path is None:
            pytest.skip(HOW_TO_GET_IT)
        async with await playwright.chromium.launch(executable_path=path, args=FLAGS) as browser:
            yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def house(browser: Browser) -> AsyncIterator[Browser]:
    """The browser; every page in it is closed after the test."""
    yield browser
    for context in browser.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def invite(house: Browser, server: ServerProcess) -> Invite:
    """Open a page for a guest, who joins, watches, or (without a name) does neither.

    Guests are tabs of one window: they are separate users, and a tab starts in half the time of a
    window. A guest who is ``apart`` or has other options gets a window of their own.
    """
    together = await house.new_context()

    async def invite(
        name: str = "", path: str = "", *, watch: bool = False, apart: bool = False, **options: Any
    ) -> Guest:
        window = await house.new_context(**options) if apart or options else together
        guest = await Guest.open(window, server.url + path, name)
        if watch:
            await guest.watch()
        elif name:
            await guest.join()
        return guest

    return invite
