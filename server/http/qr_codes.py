"""QR codes of addresses, drawn one after another in a separate thread, and cached.

Drawing takes ten milliseconds of CPU, and anybody may request the code of any room. So both the
codes drawn per second and those waiting are limited; further requests are refused.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import segno

from server.sockets.limits import TokenBucket

DRAWN_PER_SECOND = 10.0
# Codes waiting for the thread, and codes in the cache.
MOST_WAITING = 32
MOST_KEPT = 256


class TooManyDrawings(Exception):
    """The code is not in the cache, and too many others are waiting."""


class QrCodes:
    """Draws addresses as SVGs, and keeps the most recently used ones."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="qr code")
        self._allowance = TokenBucket(DRAWN_PER_SECOND, MOST_WAITING)
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._kept: dict[str, bytes] = {}  # most recently used last

    async def get(self, address: str) -> bytes:
        """Return the code of an address.

        Raises:
            TooManyDrawings: it is not in the cache, and too many others are waiting.
        """
        image = self._kept.pop(address, None)
        if image is None:
            # A client that hangs up must not cancel a drawing that others wait for.
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
    """Return the SVG of an address, without a size, so that the page determines it."""
    image = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        image, kind="svg", title=address, omitsize=True, light="#fff", svgclass=None, lineclass=None
    )
    return image.getvalue()
