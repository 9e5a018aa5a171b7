"""Accessibility: keyboard, screen reader, small phone, dark theme, and names of every kind."""

from collections.abc import Callable

import pytest
from playwright.async_api import Browser, FloatRect, Locator, expect

from tests.browser.guest import ADAS_TURN, Guest, Invite, win
from tests.lab.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's

SMALL = {"viewport": {"width": 320, "height": 640}}
DARK = {"color_scheme": "dark"}
LOOKS = [{}, SMALL | DARK]
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "شاعر العرب الكبير",
    "🦊" * 32,
    "W" * 32,
)


async def test_a_whole_game_is_played_by_keyboard(invite: Invite) -> None:
    ada = await invite()
    await ada.page.keyboard.type("Ada")
    await ada.page.keyboard.press("Enter")
    await ada.is_live()
    ben = await invite("Ben")
    await ada.sees_turn()

    for _ in range(9):
        await ada.page.keyboard.press("Tab")
        if await ada.page.evaluate("document.activeElement.classList.contains('cell')"):
            break
    await is_focused(ada, "Row 1, column 1: empty")
    await ada.page.keyboard.press("Enter")
    await is_focused(ada, "Row 1, column 1: X, last move")
    await ben.move(3)
    await ada.page.keyboard.press("ArrowRight")
    await ada.sees_turn()
    await ada.page.keyboard.press("Space")
    await ben.move(4)
    await ada.page.keyboard.press("ArrowUp")
    await ada.page.keyboard.press("End")
    await is_focused(ada, "Row 1, column 3: empty")
    await ada.sees_turn()
    await ada.page.keyboard.press("Enter")
    await ada.sees("You win!")
    outline = await ada.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus can be seen"


async def is_focused(guest: Guest, label: str) -> None:
    await expect(guest.page.locator(":focus")).to_have_attribute("aria-label", label)


async def test_turns_and_results_are_read_out_once(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    await ben.sees(ADAS_TURN)
    await ben.page.evaluate(
        """() => {
            window.heard = [];
            const announcer = document.querySelector("#announcer");
            const listen = () => heard.push(announcer.textContent);
            new MutationObserver(listen).observe(announcer, { childList: true });
        }"""
    )
    await win(ada, ben, first=ada)
    await ben.sees("Ada wins")
    await ben.sees(ADAS_TURN)
    heard = await ben.page.evaluate("heard.join(' ')")
    assert heard == (
        f"X in row 1, column 1. Your turn. {ADAS_TURN}. "
        f"X in row 1, column 2. Your turn. {ADAS_TURN}. "
        f"Ada wins. Three in a row. Nobody is waiting, so you play again. {ADAS_TURN}."
    )


@pytest.mark.parametrize("look", LOOKS, ids=["day", "small night"])
async def test_every_state_is_accessible_and_fits(
    invite: Invite, server: ServerProcess, look: dict[str, object]
) -> None:
    ada = await invite(**look)
    await ada.is_fit_for_everyone()  # the first visit
    ada.name = "Ada"
    await ada.join()
    await ada.sees("You are the first one here")
    await ada.is_fit_for_everyone()

    ben = await invite("Ben", **look)
    cleo = await invite("Cleo", **look)
    eve = await invite("Eve", watch=True, **look)
    await ada.move(0)
    await ben.move(4)
    for guest in (ada, ben, cleo, eve):
        await guest.sees_board("X...O....")
        await guest.is_fit_for_everyone()
    await ada.page.get_by_role("button", name="Concede").click()
    await ada.is_fit_for_everyone()
    await ada.page.keyboard.press("Escape")
    await ada.page.get_by_role("button", name="Invite").click()
    await ada.is_fit_for_everyone()
    await ada.page.keyboard.press("Escape")

    await ada.move(1)
    await ben.move(5)
    await ada.move(2)
    await expect(eve.page.locator("#result")).to_be_visible()
    await eve.is_fit_for_everyone()

    server.kill()
    await expect(ada.page.locator("#trouble")).to_be_visible()
    await ada.is_fit_for_everyone()


async def bounds(part: Locator) -> FloatRect:
    box = await part.bounding_box()
    assert box is not None
    return box


@pytest.mark.parametrize("name", HOSTILE, ids=["markup", "right to left", "emoji", "wide"])
async def test_any_name_is_a_name(invite: Invite, name: str) -> None:
    ada = await invite(name, **SMALL)
    ben = await invite(name, **SMALL)
    cleo = await invite(name, **SMALL)
    # Names that look alike are numbered, within 32 characters.
    second, third = f"{name[:28]} (2)", f"{name[:28]} (3)"
    for guest in (ada, ben, cleo):
        await guest.sees_players(name, second)
        await guest.sees_line(third)
        await guest.fits()
        assert await guest.page.locator("bdi img").count() == 0
        assert guest.complaints == []
    plates = ada.page.locator(".player")
    heights = [(await bounds(plates.nth(index)))["height"] for index in (0, 1)]
    assert heights[0] == heights[1]


async def test_focus_is_kept_when_a_button_goes(invite: Invite) -> None:
    for name in ("Ada", "Ben"):
        await invite(name)
    cleo = await invite("Cleo")
    for button, standing in (("Leave", "You are watching"), ("Join the line", "You are next")):
        await cleo.page.get_by_role("button", name=button).focus()
        await cleo.page.keyboard.press("Enter")
        await expect(cleo.page.locator(":focus")).to_have_text(standing)


async def test_a_player_who_runs_out_of_time_is_told(
    house: Browser, start_server: Callable[..., ServerProcess]
) -> None:
    server = start_server("--move-seconds", "8")
    window = await house.new_context()
    ada, ben = [await Guest.open(window, server.url, name) for name in ("Ada", "Ben")]
    for guest in (ada, ben):
        await guest.join()
    await expect(ada.page.locator("#announcer")).to_have_text("5 seconds left.")
    await expect(ben.page.locator("#announcer")).not_to_have_text("5 seconds left.")


async def test_an_absent_player_still_has_a_name(invite: Invite) -> None:
    ada = await invite("Ada", **SMALL)
    ben = await invite("Christopher")
    await ada.sees_turn()
    await ben.page.close(run_before_unload=False)
    name = ada.page.locator(".player.absent .name")
    await expect(name).to_have_text("Christopher")
    assert (await bounds(name))["width"] > 60


async def test_targets_are_large_enough_for_a_thumb(invite: Invite) -> None:
    ada = await invite("Ada", **SMALL)
    await invite("Ben")
    await ada.sees_turn()
    sizes = await ada.page.evaluate(
        """() => [...document.querySelectorAll("button")]
            .map((button) => [button.textContent, button.getBoundingClientRect()])
            .filter(([, box]) => box.width)
            .map(([text, box]) => [text, box.width, box.height])"""
    )
    assert len(sizes) > 9
    assert [size for size in sizes if min(size[1:]) < 44] == []


async def test_nothing_moves_with_reduced_motion(invite: Invite) -> None:
    ada = await invite("Ada", reduced_motion="reduce")
    ben = await invite("Ben")
    await win(ada, ben, first=ada)
    await ada.sees("You win!")
    moving = await ada.page.evaluate(
        "document.getAnimations()"
        ".filter((one) => one.effect.target.parentElement.id !== 'fuse').length"
    )
    assert moving == 0


async def test_text_may_be_twice_as_large(invite: Invite) -> None:
    ada = await invite("Ada", viewport={"width": 640, "height": 900})
    await invite("Ben")
    await ada.sees_turn()
    await ada.page.evaluate("document.documentElement.style.fontSize = '200%'")
    await ada.fits()
    await ada.page.get_by_role("button", name="Concede").click()
    await ada.fits()
