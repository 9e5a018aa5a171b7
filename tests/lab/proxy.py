"""A network between clients and a server that can be slow, cut, torn to pieces or silent."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

Writers = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


def whole(data: bytes) -> Iterator[bytes]:
    """Pass on what came as it came."""
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    """Pass on one byte at a time."""
    for byte in data:
        yield bytes([byte])


def torn(data: bytes) -> Iterator[bytes]:
    """Pass on pieces of any size, which end in the middle of frames."""
    chance = random.Random(len(data))
    while data:
        size = chance.randint(1, len(data))
        yield data[:size]
        data = data[size:]


class Proxy:
    """Listens on ``port`` and passes everything on, both ways, as it is told to at the time.

    ``latency`` is in seconds, and ``pieces`` what becomes of the data that came at once.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._writers: list[Writers] = []
        self._flows: list[asyncio.Event] = []
        self.flow_anew()
        self.pieces: Callable[[bytes], Iterator[bytes]] = whole
        self.latency = 0.0

    async def __aenter__(self) -> "Proxy":
        self._listener = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for flowing in self._flows:
            flowing.set()
        self.reset()
        self._listener.close()
        await self._listener.wait_closed()

    def stop(self) -> None:
        """Fall silent: nothing is passed on, and nobody is told."""
        self._flows[-1].clear()

    def flow(self) -> None:
        """Go on; what came after the first piece meanwhile is passed on in one."""
        self._flows[-1].set()

    def flow_anew(self) -> None:
        """Pass on what comes by new connections; if silent, the old ones stay silent for good."""
        self._flows.append(asyncio.Event())
        self._flows[-1].set()

    def reset(self) -> None:
        """Cut every connection, both ways, as a router that has forgotten it."""
        for writers in self._writers:
            for writer in writers:
                writer.transport.abort()
        self._writers.clear()

    def half_close(self) -> None:
        """Tell the server that its clients will say no more, though they still listen."""
        for _, to_server in self._writers:
            to_server.write_eof()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flowing = self._flows[-1]
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers.append((writer, to_server))
        await asyncio.gather(
            self._pump(reader, to_server, flowing), self._pump(from_server, writer, flowing)
        )
        for end in (writer, to_server):
            end.close()
            with suppress(OSError):
                await end.wait_closed()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event
    ) -> None:
        with suppress(OSError, RuntimeError):
            while data := await reader.read(65536):
                await flowing.wait()
                await asyncio.sleep(self.latency)  # the fault itself
                for piece in self.pieces(data):
                    writer.write(piece)
                    await writer.drain()
                    if self.pieces is not whole:
                        await asyncio.sleep(0)  # or the kernel would join the pieces again
            if writer.can_write_eof():
                writer.write_eof()
