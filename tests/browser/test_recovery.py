"""A reload, a dead network, a second tab or a killed server loses no seat, place or board."""

import asyncio
import sqlite3
from collections.abc import Callable

import pytest
from playwright.async_api import Browser, expect

from tests.browser.guest import ADAS_TURN, Guest, Invite
from tests.lab.proxy import Proxy
from tests.lab.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's

# The delay before the next try is random; with this it takes minutes.
A_LONG_WAIT = "Math.random = () => 1000"


async def test_a_reload_in_the_middle_of_a_game_is_the_same_player(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    await ada.move(4)
    await ben.move(0)
    await ada.page.reload()
    await ada.sees_board("O...X....")
    await ada.sees_players("Ada", "Ben")
    await ada.move(2)
    await ben.sees_board("O.X.X....")
    assert ada.complaints + ben.complaints == []


async def test_a_place_in_line_survives_a_reload(invite: Invite) -> None:
    ada, ben, cleo, dev = [await invite(name) for name in ("Ada", "Ben", "Cleo", "Dev")]
    await cleo.page.reload()
    await cleo.sees("You are next")
    await dev.sees("You are 2nd in line")
    assert ada.complaints + ben.complaints + cleo.complaints == []


async def test_all_pages_recover_by_themselves_from_a_killed_server(
    invite: Invite, server: ServerProcess
) -> None:
    guests = ada, ben, cleo = [await invite(name) for name in ("Ada", "Ben", "Cleo")]
    await ada.move(4)
    await ben.sees_board("....X....")

    server.kill()
    for guest in guests:
        await expect(guest.page.locator("#trouble")).to_be_visible()
        await expect(guest.page.locator("#trouble p")).to_contain_text("Retrying in")
    await expect(ada.page.get_by_role("button", name="Concede")).to_be_disabled()

    revived = server.restart()
    try:
        for guest in guests:
            await guest.is_live()
            await expect(guest.page.locator("#trouble")).to_be_hidden()
            await guest.sees_players("Ada", "Ben")
            await guest.sees_line("Cleo")
        await ben.move(0)
        await ada.move(2)
        await cleo.sees_board("O.X.X....")
    finally:
        revived.kill()


async def test_a_page_says_that_it_is_offline_and_comes_back(invite: Invite) -> None:
    ada, ben = [await invite(name, apart=True) for name in ("Ada", "Ben")]
    await ada.context.set_offline(True)
    await expect(ada.page.locator("#link")).to_have_text("Offline")
    await expect(ada.page.locator("#trouble")).to_contain_text("You are offline")
    await ada.is_fit_for_everyone()

    await ada.context.set_offline(False)
    await ada.is_live()
    await expect(ada.page.locator("#link")).to_have_text("Live")
    await ada.move(4)
    await ben.sees_board("....X....")


# One of the page's two clocks jumps by half an hour; resolves once the countdown counts again.
JUMP = """(clock) => {
    const before = clock.now.bind(clock);
    clock.now = () => before() + 1_800_000;
    const countdown = document.querySelector("#clock");
    const shown = [];
    return new Promise((resolve) => new MutationObserver(() => {
        shown.push(parseInt(countdown.textContent));
        if (shown.at(-1) > 9 && shown.at(-1) === shown.at(-2) - 1) resolve();
    }).observe(countdown, { childList: true }));
}"""


@pytest.mark.parametrize("clock", ["Date", "performance"])
async def test_a_clock_that_jumps_changes_no_countdown(invite: Invite, clock: str) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    eve = await invite("Eve", watch=True)  # players ask for a word every few seconds anyway
    await eve.sees(ADAS_TURN)
    async with asyncio.timeout(15):
        await eve.page.evaluate(f"({JUMP})({clock})")
    assert ada.complaints + ben.complaints + eve.complaints == []


async def test_a_dead_connection_is_noticed_without_a_close(
    house: Browser, start_server: Callable[..., ServerProcess]
) -> None:
    server = start_server("--seat-seconds", "60")
    window = await house.new_context()
    async with Proxy(server.port) as network:
        ada = await Guest.open(window, network.url, "Ada")
        await ada.join()
        ben = await Guest.open(window, server.url, "Ben")
        await ben.join()
        await ada.move(4)
        await ben.move(0)
        await ada.sees_board("O...X....")

        network.stop()
        await ben.sees("Ada is away, so the game is paused")
        await ben.is_fit_for_everyone()
        await expect(ada.page.locator("#trouble")).to_contain_text("The connection was lost.")
        network.flow_anew()
        await ada.move(2)
        await ben.sees_board("O.X.X....")


async def test_a_duplicated_tab_takes_over_and_the_old_one_says_so(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    await ada.move(4)
    async with ada.page.expect_popup() as opened:
        await ada.page.evaluate("void open(location.href)")
    second = Guest("Ada", ada.context, await opened.value)
    await second.sees_board("....X....")
    await ada.sees("You opened this room in another tab.")
    await ada.is_fit_for_everyone()
    await ben.sees_players("Ada", "Ben")

    await ada.page.get_by_role("button", name="Play here").click()
    await ada.is_live()
    await second.sees("You opened this room in another tab.")
    await ben.move(0)
    await ada.move(2)
    await ben.sees_board("O.X.X....")


async def test_two_tabs_are_two_players(invite: Invite) -> None:
    ada = await invite("Ada")
    tab = Guest("Ada too", ada.context, await ada.context.new_page())
    await tab.page.goto(ada.page.url)
    await tab.join()
    await ada.sees_players("Ada", "Ada too")
    await ada.page.reload()
    await ada.is_live()
    await ada.move(4)
    await tab.sees_board("....X....")
    await tab.sees_players("Ada", "Ada too")


async def test_a_removed_user_is_told_and_can_join_again(
    invite: Invite, server: ServerProcess
) -> None:
    ada, ben, cleo = [await invite(name) for name in ("Ada", "Ben", "Cleo")]
    with sqlite3.connect(server.database) as database:
        database.execute("DELETE FROM users WHERE username = 'Ben'")
    database.close()
    await ben.sees("The host has removed you from this room.")
    await ben.is_fit_for_everyone()
    await ada.sees_players("Ada", "Cleo")
    await cleo.sees("You play O")

    await ben.page.get_by_role("button", name="Join again").click()
    await ben.sees("You are next")


async def test_a_full_server_says_so_and_admits_when_there_is_room(
    house: Browser, start_server: Callable[..., ServerProcess]
) -> None:
    server = start_server("--max-connections", "1", "--resume-seconds", "1")
    window = await house.new_context()
    ada = await Guest.open(window, server.url, "Ada")
    await ada.join()
    ben = await Guest.open(window, server.url, "Ben")
    await ben.page.evaluate(A_LONG_WAIT)
    await ben.page.get_by_label("Your name").fill("Ben")
    await ben.page.keyboard.press("Enter")
    await expect(ben.page.locator("#trouble")).to_contain_text("The server cannot be reached")
    await ben.page.evaluate(A_LONG_WAIT)
    await ben.page.get_by_role("button", name="Try now").click()
    await expect(ben.page.locator("#trouble")).to_contain_text("It may be full")
    await ben.is_fit_for_everyone()
    await ada.page.close()
    # The server notices the close a moment later; until then it is still full.
    async with asyncio.timeout(10):
        while "winner_stays_connections 0.0" not in await _text(ben, f"{server.url}metrics"):
            pass
    await ben.page.get_by_role("button", name="Try now").click()
    await ben.is_live()


async def _text(guest: Guest, url: str) -> str:
    return await (await guest.context.request.get(url)).text()
