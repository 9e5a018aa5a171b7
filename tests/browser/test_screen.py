"""The page as a screen on a wall or over a stream: it shows the game and never takes a seat."""

import pytest
from playwright.async_api import expect

from tests.browser.guest import Invite

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's

WALL = {"viewport": {"width": 1920, "height": 1080}}


async def test_a_screen_shows_the_night_and_never_takes_a_seat(invite: Invite) -> None:
    screen = await invite(path="?screen", **WALL)
    await screen.is_live()
    await expect(screen.page.get_by_role("dialog")).to_have_count(0)
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    for name in ("Cleo", "Dev", "Eli", "Fay", "Gus", "Hal"):
        await invite(name)
    await ada.move(4)
    await screen.sees_players("Ada", "Ben")
    await screen.sees_board("....X....")
    await screen.sees_line("Cleo", "Dev", "Eli", "Fay", "Gus")
    await screen.sees("and 1 more")
    await screen.sees("6 waiting · 1 watching")
    await expect(screen.page.locator("#next img")).to_be_visible()
    await expect(
        screen.page.get_by_role("button").and_(screen.page.locator(":not(.cell)"))
    ).to_have_count(0)
    await screen.is_fit_for_everyone()
    assert screen.complaints + ben.complaints == []


async def test_an_overlay_has_a_transparent_background(invite: Invite) -> None:
    overlay = await invite(path="?screen=overlay", viewport={"width": 1280, "height": 720})
    await overlay.is_live()
    await overlay.holds("#invite img")
    await invite("Ada")
    christopher = await invite("Christopher")
    await overlay.sees_players("Ada", "Christopher")
    for name in await overlay.page.locator(".name").all():
        assert await name.evaluate("(name) => name.scrollWidth <= name.clientWidth"), "it is cut"
    background = await overlay.page.evaluate(
        "getComputedStyle(document.documentElement).background"
    )
    assert background.startswith("rgba(0, 0, 0, 0)")
    await overlay.is_fit_for_everyone()
    await christopher.concede()
    await overlay.holds("#result")


async def test_a_tab_that_played_may_become_a_screen_and_keep_its_seat(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    await ada.page.goto(f"{ada.page.url}?screen")
    await ada.is_live()
    await ada.page.goto(ben.page.url)
    await ada.sees_players("Ada", "Ben")
    await ada.sees("You play X")
