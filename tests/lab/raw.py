"""A client without a library: bytes on a TCP stream, for what no good client would send."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, ClassVar, Self

DEADLINE = 10.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Raw:
    """A TCP connection to the server, which may become a WebSocket."""

    everyone: ClassVar[list["Raw"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.messages: list[dict[str, Any]] = []
        self.everyone.append(self)

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        """Open a TCP connection; with a small receive buffer it can be made to choke."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=sock, limit=4096))

    @classmethod
    async def upgrade(
        cls,
        port: int,
        path: str,
        protocols: Sequence[str] = ("winner-stays.v1",),
        *,
        receive_buffer: int | None = None,
    ) -> Self:
        """Open a WebSocket; the first frames are still to be read."""
        raw = await cls.connect(port, receive_buffer=receive_buffer)
        status, _ = await raw.request(upgrade_request(path, protocols))
        assert status == 101
        return raw

    async def request(self, request: bytes) -> tuple[int, dict[str, str]]:
        """Send an HTTP request; return status and headers of the answer."""
        self.writer.write(request)
        async with asyncio.timeout(DEADLINE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        headers = dict(line.split(": ", 1) for line in lines if line)
        return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        """Send a frame, masked with zeros."""
        self.writer.write(frame(opcode, payload, fin=fin))

    def send_close(self, code: int | None) -> None:
        """Send a close frame, and go on being there."""
        self.send(CLOSE, b"" if code is None else struct.pack("!H", code))

    async def leave(self, code: int | None) -> None:
        """Send a close frame, and hang up when the server does."""
        self.send_close(code)
        await self.cut_off()
        self.writer.close()

    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame, and answer it if it is a ping; the server sends no fragments."""
        async with asyncio.timeout(DEADLINE):
            first, length = await self.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            payload = await self.reader.readexactly(length)
        if first & 15 == TEXT:
            self.messages.append(json.loads(payload))
        elif first & 15 == PING:
            self.send(PONG, payload)
        return first & 15, payload

    async def until_action(self, action: str) -> dict[str, Any]:
        """Return the next message of that kind."""
        while True:
            opcode, _ = await self.receive()
            if opcode == TEXT and self.messages[-1].get("action") == action:
                return self.messages[-1]

    async def close_code(self) -> int:
        """Read on until the server says goodbye; do not answer."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])

    async def cut_off(self) -> None:
        """Return when the TCP connection is gone, whatever still comes before."""
        try:
            async with asyncio.timeout(DEADLINE):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            pass

    @classmethod
    async def send_home(cls) -> None:
        """Drop every connection that a test has left open."""
        for raw in cls.everyone:
            raw.writer.transport.abort()
            with contextlib.suppress(OSError):
                await raw.writer.wait_closed()
        cls.everyone.clear()

    def stop_reading(self) -> None:
        """Leave what comes to the kernel, and when its buffers are full, to the server."""
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()

    def read_on(self) -> None:
        """Read again."""
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.resume_reading()

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def upgrade_request(path: str, protocols: Sequence[str] = (), **headers: str) -> bytes:
    """Return the opening handshake; ``Origin`` and the like are keyword arguments."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {headers.pop('host', '127.0.0.1')}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        *(f"Sec-WebSocket-Protocol: {name}" for name in protocols),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """Return a client's frame; a mask of zeros leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        length = bytes([128 | size])
    elif size < 65536:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    return bytes([(128 if fin else 0) | opcode]) + length + bytes(4) + payload
