"""A peer that falls silent, as if a cable was pulled: nothing arrives, nothing is closed."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.lab.player import Player
from tests.lab.server_process import ServerProcess


class Wire:
    """A TCP proxy that can stop forwarding, both ways, without closing anything."""

    def __init__(self, port: int) -> None:
        self.cut = asyncio.Event()
        self.port = 0
        self._server_port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers += [writer, back]
        for source, target in ((reader, back), (there, writer)):
            self._tasks.add(asyncio.create_task(self._carry(source, target)))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if self.cut.is_set():
                return
            target.write(data)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()


@pytest.fixture
async def wire(house: ServerProcess) -> AsyncIterator[Wire]:
    wire = Wire(house.port)
    async with await wire.open():
        yield wire
        wire.close()


async def test_silence_at_the_board_is_noticed_within_ten_seconds(
    house: ServerProcess, url: str, room: str, wire: Wire
) -> None:
    ann = await Player.join(f"ws://127.0.0.1:{wire.port}/{room}")
    bob, cleo = [await Player.join(url) for _ in range(2)]
    await bob.until_true(lambda: len(bob.users) == 3)
    bob.patience = cleo.patience = 15
    wire.cut.set()
    started = time.monotonic()
    await bob.until_absent(ann.id)
    assert time.monotonic() - started < 10.5
    # Those who answer pings are there, though they have not said a word for as long.
    assert [u["connectionId"] for u in bob.line if "absent" in u] == [ann.id]
    # The seat is held, and the way back is open.
    back = await Player.join(url, session=ann.session)
    assert (back.id, back.marker) == (ann.id, "X")
    await bob.until_true(lambda: "absent" not in bob.users[ann.id])
    assert (await back.move(4))["statusCode"] == 200
