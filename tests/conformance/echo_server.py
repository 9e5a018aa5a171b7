"""Servers that send back what they hear, for the conformance suite: one as ours, one bare.

`ours` has the connections and options of the real server; only the size limit is that which the
suite wants. `bare` is the library as it comes.
"""

import asyncio
import contextlib
import sys
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from server.sockets.listener import socket_options

# The suite sends messages of up to 16 MB.
MAX_BYTES = 16 * 1024 * 1024


class Nobody:
    """It counts no connections, and limits none."""

    def arrived(self, socket: object) -> None:
        """A client has connected."""

    def flooded(self, socket: object) -> None:
        """The client has sent too much."""

    def lost(self, socket: object) -> None:
        """The connection is gone."""


SERVERS: dict[str, dict[str, Any]] = {
    "ours": socket_options(Nobody()),
    "bare": {"compression": None},
}


async def echo(connection: ServerConnection) -> None:
    """Send everything back."""
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def main(kind: str) -> None:
    """Serve for ever; say at which port."""
    async with serve(echo, "127.0.0.1", 0, max_size=MAX_BYTES, **SERVERS[kind]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
