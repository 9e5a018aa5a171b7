"""A guest at the game night: a page in a browser, and what a person does and sees there."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Response, expect

TIMEOUT_MS = 15_000
AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"

# All animations but the countdown's bar.
STANDSTILL = """() => Promise.allSettled(
    document.getAnimations()
        .filter((one) => one.effect.target.parentElement.id !== "fuse")
        .map((one) => one.finished))"""

ADAS_TURN = "Ada\u2019s turn"

Invite = Callable[..., Awaitable["Guest"]]

expect.set_options(timeout=TIMEOUT_MS)


class Guest:
    """A page that remembers everything that went wrong on it."""

    def __init__(self, name: str, context: BrowserContext, page: Page) -> None:
        self.name = name
        self.context = context
        self.page = page
        self.complaints: list[str] = []
        self.responses: list[Response] = []
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        page.on("response", lambda response: self.responses.append(response))

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.name}: {message.text}")

    @classmethod
    async def open(cls, window: BrowserContext, url: str, name: str = "") -> "Guest":
        """Open a tab without entering a name."""
        guest = cls(name, window, await window.new_page())
        await guest.page.goto(url)
        return guest

    async def join(self) -> None:
        """Enter the name in the dialog and press Enter."""
        await self.page.get_by_label("Your name").fill(self.name)
        await self.page.keyboard.press("Enter")
        await self.is_live()

    async def watch(self) -> None:
        """Choose to watch instead."""
        await self.page.get_by_role("button", name="Just watch").click()
        await self.is_live()

    async def is_live(self) -> None:
        await expect(self.page.locator("body")).to_have_attribute("data-link", "live")

    async def move(self, cell: int) -> None:
        """Click a cell as soon as it is this guest's turn."""
        await self.sees_turn()
        await self.page.locator(".cell").nth(cell).click()

    async def concede(self) -> None:
        """Concede, and confirm it."""
        await self.page.get_by_role("button", name="Concede").click()
        await self.page.locator("#confirm-dialog").get_by_role("button", name="Concede").click()

    async def sees_turn(self) -> None:
        await expect(self.page.locator("#turn p")).to_have_text("Your turn")
        await expect(self.page.locator("#board")).not_to_have_attribute("data-mine", "")

    async def sees(self, text: str) -> None:
        """Wait until the text can be seen."""
        await expect(self.page.get_by_text(text, exact=True).first).to_be_visible()

    async def sees_board(self, board: str) -> None:
        """Wait until the board looks like this and every mark is confirmed."""
        for index, mark in enumerate(board):
            await expect(self.page.locator(".cell").nth(index)).to_have_attribute("data-mark", mark)
        await expect(self.page.locator(".pending")).to_have_count(0)

    async def sees_players(self, x: str, o: str) -> None:
        for marker, name in (("X", x), ("O", o)):
            plate = self.page.locator(f'.player[data-marker="{marker}"] .name')
            await expect(plate).to_have_text(name)

    async def sees_line(self, *names: str) -> None:
        await expect(self.page.locator("#line bdi")).to_have_text(list(names))

    async def holds(self, selector: str) -> None:
        """Fail if the element is not within ``main``."""
        await expect(self.page.locator(selector)).to_be_visible()
        within = "(part) => [part, part.closest('main')].map((one) => one.getBoundingClientRect())"
        part, whole = await self.page.locator(selector).evaluate(within)
        assert whole["top"] <= part["top"], selector
        assert part["bottom"] <= whole["bottom"], selector

    async def fits(self) -> None:
        """Fail if the page is wider than its window."""
        overflow = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{overflow} px too wide"

    async def is_fit_for_everyone(self) -> None:
        """Fail on overflow and on anything that axe-core finds, once animations have ended."""
        page = self.page
        await self.fits()
        await page.evaluate(STANDSTILL)
        if not await page.evaluate("'axe' in window"):
            await page.evaluate(AXE.read_text())
        found = await page.evaluate("axe.run()")
        problems = [
            f"{problem['id']}: {node['html']} {node['failureSummary']}"
            for problem in found["violations"]
            for node in problem["nodes"]
        ]
        assert not problems, "\n".join(problems)


async def win(winner: Guest, loser: Guest, *, first: Guest) -> None:
    """Play five moves: the winner takes the upper row, the other the middle one."""
    if first is loser:
        await loser.move(8)
    for cell in (0, 1, 2):
        await winner.move(cell)
        if cell < 2:
            await loser.move(cell + 3)
