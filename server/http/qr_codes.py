"""QR codes of addresses: drawn in a thread of their own, one after the other, and kept.

Drawing takes ten milliseconds of a processor, and anybody may ask for the code of any room. So
there is a limit to how many are drawn per second, and to how many wait; the rest are refused.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import segno

from server.sockets.limits import TokenBucket

DRAWN_PER_SECOND = 10.0
# Codes that wait for the thread, and codes that are kept.
MOST_WAITING = 32
MOST_KEPT = 256


class TooManyDrawings(Exception):
    """The code has to be drawn, and too many others are: ask again later."""


class QrCodes:
    """Draws each address once, as an SVG, and keeps those asked for last."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="qr code")
        self._allowance = TokenBucket(DRAWN_PER_SECOND, MOST_WAITING)
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._kept: dict[str, bytes] = {}  # the one asked for last comes last

    async def get(self, address: str) -> bytes:
        """Return the code of an address.

        Raises:
            TooManyDrawings: it has to be drawn, and too many others are.
        """
        image = self._kept.pop(address, None)
        if image is None:
            # A client that hangs up cancels its request, and not what others wait for.
            return await asyncio.shield(self._waiting.get(address) or self._draw(address))
        self._kept[address] = image
        return image

    def _draw(self, address: str) -> asyncio.Future[bytes]:
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= MOST_WAITING or not self._allowance.take(loop.time()):
            raise TooManyDrawings
        drawing = self._waiting[address] = loop.run_in_executor(self._thread, draw, address)
        drawing.add_done_callback(partial(self._keep, address))
        return drawing

    def _keep(self, address: str, drawing: asyncio.Future[bytes]) -> None:
        del self._waiting[address]
        self._kept[address] = drawing.result()
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]


def draw(address: str) -> bytes:
    """Return the SVG of an address; it has no size of its own and fills its place on the page."""
    image = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        image, kind="svg", title=address, omitsize=True, light="#fff", svgclass=None, lineclass=None
    )
    return image.getvalue()
