"""A crowd as it comes back: sockets that do little, so that the server is what is measured."""

import asyncio
import json

UPGRADE = (
    "GET /{room} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: winner-stays.v1{session}\r\n\r\n"
)
# The first four messages have come, of which this is in the last.
COMPLETE = b'"gameUpdate"'
HELLO = b'{"message"'


class Face(asyncio.Protocol):
    """One of the crowd; it reads its first messages and then no more than it must."""

    def __init__(self, room: str, session: str | None) -> None:
        self._request = UPGRADE.format(room=room, session=f", session.{session}" if session else "")
        self._data = bytearray()
        self.inside: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hello: dict[str, str] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Read until the first messages are complete."""
        if self.inside.done():
            return
        self._data += data
        if COMPLETE in self._data:
            start = self._data.index(HELLO)
            self.hello = json.JSONDecoder().raw_decode(self._data[start:].decode(errors="replace"))[
                0
            ]
            self._data.clear()
            self.inside.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """It was refused, or the server is gone."""
        if not self.inside.done():
            self.inside.set_exception(error or ConnectionError(bytes(self._data[:80])))


async def come(port: int, room: str, session: str | None = None) -> Face:
    """Connect, and return when everything has been shown."""
    loop = asyncio.get_running_loop()
    _, face = await loop.create_connection(lambda: Face(room, session), "127.0.0.1", port)
    await face.inside
    return face
