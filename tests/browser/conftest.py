"""A real browser: the system's Chromium, driven by Playwright.

Where there is none, these tests are skipped and say how to get it; in CI (``CI=true``) that fails.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Playwright, async_playwright

from tests.browser.guest import Guest, Invite
from tests.server_process import ServerProcess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
HOW_TO_GET_IT = (
    "no Chromium: install it (on Debian and Ubuntu: apt install chromium), "
    "run `.venv/bin/playwright install chromium`, or name one: CHROMIUM=/path/to/chromium"
)


def chromium(playwright: Playwright) -> str | None:
    """Return the path of a Chromium: the one that is named, the system's, or Playwright's own."""
    own = playwright.chromium.executable_path
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return named or (own if Path(own).exists() else None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser of its own for every test."""
    async with async_playwright() as playwright:
        path = chromium(playwright)
        if path is None and os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        if path is None:
            pytest.skip(HOW_TO_GET_IT)
        async with await playwright.chromium.launch(executable_path=path, args=FLAGS) as browser:
            yield browser


@pytest.fixture
async def invite(browser: Browser, server: ServerProcess) -> Invite:
    """Open a page for somebody who joins, watches, or (without a name) does neither."""

    async def invite(
        name: str = "", path: str = "", *, watch: bool = False, **options: object
    ) -> Guest:
        guest = await Guest.open(browser, server.url + path, name, **options)
        if watch:
            await guest.watch()
        elif name:
            await guest.join()
        return guest

    return invite
