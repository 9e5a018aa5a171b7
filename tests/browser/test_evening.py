"""A game night, played in browsers."""

import pytest
from playwright.async_api import expect

from tests.browser.guest import ADAS_TURN, Invite, win

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's

MOST_BYTES = 80_000


async def test_three_pages_play_until_the_winner_has_won_twice(invite: Invite) -> None:
    ada, ben, cleo = [await invite(name) for name in ("Ada", "Ben", "Cleo")]
    await cleo.sees("You are next")

    await win(ada, ben, first=ada)
    await ada.sees("You win!")
    await ada.sees("Three in a row. You stay on.")
    await ben.sees("Three in a row. You are now 1st in line.")
    await cleo.sees("Ada wins")

    # The result is still shown, and the next game can already be played.
    await win(ada, cleo, first=ada)
    await cleo.sees("Three in a row. You are now 1st in line.")
    await ben.sees("Three in a row. Ada stays on with 2 wins in a row.")
    for guest in (ada, ben, cleo):
        await guest.sees_players("Ada", "Ben")
        await guest.sees_line("Cleo")
        streak = guest.page.locator('.player[data-marker="X"] .streak')
        await expect(streak).to_have_text("2 wins in a row")
        await expect(streak.locator("path")).to_have_count(2)
        assert guest.complaints == []


async def test_a_result_goes_by_itself(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    eve = await invite("Eve", watch=True)
    await win(ada, ben, first=ada)
    await eve.sees("Ada wins")
    await eve.sees_board("XXXOO....")
    await expect(eve.page.locator("#result")).to_be_hidden()
    await eve.sees_board(".........")


async def test_a_player_who_is_alone_gets_the_address_to_share(invite: Invite) -> None:
    ada = await invite("Ada", "quiet")
    address = ada.page.url
    await ada.sees("You are the first one here")
    await ada.is_fit_for_everyone()
    await expect(ada.page.locator("#invite .address")).to_have_text(address)
    code = ada.page.locator("#invite img")
    await expect(code).to_be_visible()
    assert await code.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0

    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ada.page.get_by_role("button", name="Copy link").click()
    await ada.sees("Link copied")
    assert await ada.page.evaluate("navigator.clipboard.readText()") == address


async def test_conceding_takes_a_confirmation(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    await ada.page.get_by_role("button", name="Concede").click()
    await ada.page.get_by_role("button", name="Keep playing").click()
    await ada.move(4)
    await ben.sees_board("....X....")

    await ada.concede()
    await ben.sees("Ada conceded. You stay on.")
    await ada.sees("You conceded. Nobody is waiting, so you play again.")


async def test_a_refused_move_is_undone_with_the_reason(invite: Invite) -> None:
    ada, ben = [await invite(name) for name in ("Ada", "Ben")]
    await ben.sees(ADAS_TURN)
    # The page sends a cell that the board does not have.
    await ada.page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (text) {
                send.call(this, text.replace('"cell":4', '"cell":44'));
            };
        }"""
    )
    await ada.move(4)
    await expect(ada.page.locator("#notice")).to_contain_text("Your move was undone")
    await ada.sees_board(".........")
    await ada.move(0)
    await ben.sees_board("X........")


async def test_dialogs_close_when_a_game_starts_or_ends(invite: Invite) -> None:
    ada = await invite("Ada")
    await ada.page.get_by_role("button", name="Invite").click()
    await expect(ada.page.locator("#share-dialog")).to_be_visible()
    ben = await invite("Ben")
    await ada.sees_turn()
    await expect(ada.page.get_by_role("dialog")).to_have_count(0)

    await ada.page.get_by_role("button", name="Concede").click()
    await ben.concede()
    await ada.sees("You win!")
    await expect(ada.page.get_by_role("dialog")).to_have_count(0)
    await expect(ada.page.locator("#notice")).to_be_empty()


LOOK_AWAY = """() => {
    window.calls = [];
    Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    navigator.vibrate = (pattern) => calls.push("buzz");
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (at) {
        calls.push("knock");
        start.call(this, at);
    };
}"""
LOOK_BACK = """() => {
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_a_hidden_page_calls_its_player_to_the_table(invite: Invite) -> None:
    ada, ben, cleo, dev = [await invite(name, apart=True) for name in ("Ada", "Ben", "Cleo", "Dev")]
    sound = cleo.page.get_by_role("button", name="Sound")
    await expect(sound).to_have_attribute("aria-pressed", "false")
    await sound.click()
    await expect(sound).to_have_attribute("aria-pressed", "true")
    for guest in (cleo, dev):
        await guest.page.evaluate(LOOK_AWAY)

    await ada.concede()
    await expect(cleo.page).to_have_title("● Your turn!")
    assert sorted(await cleo.page.evaluate("calls")) == ["buzz", "knock"]
    await cleo.page.evaluate(LOOK_BACK)
    await expect(cleo.page).to_have_title("Your turn! · Winner Stays")

    # Dev has not turned the sound on, and it is not Dev's turn.
    await expect(dev.page).to_have_title("You are next · Winner Stays")
    assert await dev.page.evaluate("calls") == []
    await ben.concede()
    await expect(dev.page).to_have_title("● You play O")
    assert await dev.page.evaluate("calls") == ["buzz"]


async def test_leaving_the_line_and_coming_back(invite: Invite) -> None:
    ada, ben, cleo, dev = [await invite(name) for name in ("Ada", "Ben", "Cleo", "Dev")]
    await cleo.page.get_by_role("button", name="Leave").click()
    await cleo.sees("You are watching")
    await dev.sees("You are next")
    await cleo.page.get_by_role("button", name="Join the line").click()
    await cleo.sees("You are 2nd in line")
    await ada.sees_line("Dev", "Cleo")
    assert ben.complaints == []


async def test_names_are_remembered_and_can_be_changed(invite: Invite) -> None:
    ada = await invite("Ada")
    await ada.page.get_by_role("button", name="Ada").click()
    await ada.page.get_by_label("Your name", exact=True).fill("x" * 33)
    await ada.page.keyboard.press("Enter")
    await ada.sees("Too long by 1.")
    await ada.is_fit_for_everyone()
    await ada.page.get_by_label("Your name", exact=True).fill("Ada L.")
    await ada.page.keyboard.press("Enter")
    await ada.sees_players("Ada L.", "free")

    tab = await ada.context.new_page()
    await tab.goto(ada.page.url)
    await expect(tab.get_by_label("Your name", exact=True)).to_have_value("Ada L.")


async def test_a_visit_costs_less_than_80_kb(invite: Invite) -> None:
    ada = await invite("Ada")
    await expect(ada.page.locator("#invite .address")).not_to_be_empty()
    await ada.page.evaluate("document.fonts.ready")
    sizes = {
        response.url: int(response.headers["content-length"])
        for response in ada.responses
        if "/qr/" not in response.url
    }
    assert any("hand.woff2" in url for url in sizes)
    assert any("icon.svg" in url for url in sizes) or len(sizes) > 15
    assert sum(sizes.values()) < MOST_BYTES, sizes
