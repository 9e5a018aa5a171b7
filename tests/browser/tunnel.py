"""A proxy to the server that can stop forwarding while its connections stay open."""

import asyncio
from types import TracebackType


class Tunnel:
    """Forwards bytes to a port of this machine while it is lit."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._light = asyncio.Event()
        self._light.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Tunnel":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def darken(self) -> None:
        """Stop forwarding for good on every connection, with what they are carrying."""
        self._light.clear()

    def lighten(self) -> None:
        """Forward on new connections; the old ones stay dark."""
        self._light.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, back))
                both.create_task(self._pump(there, writer))
        except* ConnectionError:
            pass
        finally:
            writer.close()
            back.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self._light.is_set():
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
        writer.close()
