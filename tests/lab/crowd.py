"""A crowd: sockets that do so little that the server is what is measured."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.lab.raw import upgrade_request

# The first four messages have come, of which this is in the last.
COMPLETE = b'"gameUpdate"'
HELLO = b'{"message"'

T = TypeVar("T")
C = TypeVar("C", bound="Client")


def upgrade(room: str, *, seed: bool = False, session: str | None = None) -> bytes:
    """Return the opening handshake of a client."""
    protocols = [] if seed else ["winner-stays.v1"]
    if session is not None:
        protocols.append(f"session.{session}")
    return upgrade_request(f"/{room}", protocols)


class Client(asyncio.Protocol):
    """One of a crowd: it asks for the upgrade; a subclass says what it does with the answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self._request)


async def connect(port: int, client: C) -> C:
    """Connect the client, and return it; it has asked for the upgrade and has no answer yet."""
    await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", port)
    return client


async def by_the_hundred(count: int, come: Callable[[], Awaitable[T]]) -> list[T]:
    """Let so many come, a hundred at a time."""
    crowd: list[T] = []
    while len(crowd) < count:
        crowd += await asyncio.gather(*(come() for _ in range(min(100, count - len(crowd)))))
    return crowd


class Face(Client):
    """A client that reads its first messages and then no more than it must."""

    def __init__(self, request: bytes) -> None:
        super().__init__(request)
        self._data = bytearray()
        self.inside: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hello: dict[str, str] = {}

    def data_received(self, data: bytes) -> None:
        """Read until the first messages are complete."""
        if self.inside.done():
            return
        self._data += data
        if COMPLETE in self._data:
            text = self._data[self._data.index(HELLO) :].decode(errors="replace")
            self.hello, _ = json.JSONDecoder().raw_decode(text)
            self._data.clear()
            self.inside.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail if the server refused the client, or went away before it was inside."""
        if not self.inside.done():
            self.inside.set_exception(error or ConnectionError(bytes(self._data[:80])))


async def come(port: int, room: str, session: str | None = None) -> Face:
    """Connect, and return when everything has been shown."""
    face = await connect(port, Face(upgrade(room, session=session)))
    await face.inside
    return face
