"""What the server uses of `websockets` and asyncio beyond their documented interfaces is there.

If one of these fails after an upgrade, `server/sockets/library.py` has to follow the library.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from server.sockets import library

DEADLINE = 10.0


class Visit:
    """A client, and the server's side of its connection."""

    def __init__(self) -> None:
        self.came: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()
        self.port = 0

    async def hold(self, connection: ServerConnection) -> None:
        self.came.set_result(connection)
        await connection.wait_closed()

    async def server_side(self) -> ServerConnection:
        async with asyncio.timeout(DEADLINE):
            return await self.came


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    visit = Visit()
    async with serve(visit.hold, "127.0.0.1", 0) as server:
        visit.port = next(iter(server.sockets)).getsockname()[1]
        yield visit


async def test_loss_of_a_connection_is_told_by_a_future(visit: Visit) -> None:
    client = await connect(f"ws://127.0.0.1:{visit.port}")
    connection = await visit.server_side()
    assert not library.lost(connection).done()
    client.transport.abort()
    async with asyncio.timeout(DEADLINE):
        await asyncio.shield(library.lost(connection))
    assert not library.has_close(connection.protocol)
    assert library.first_close(connection.protocol)[1] is False


@pytest.mark.parametrize("by_peer", [True, False])
async def test_side_that_closed_first_is_known(visit: Visit, by_peer: bool) -> None:
    client = await connect(f"ws://127.0.0.1:{visit.port}")
    connection = await visit.server_side()
    assert library.first_close(connection.protocol) == (None, False)
    await (client.close(1000) if by_peer else connection.close(1001))
    async with asyncio.timeout(DEADLINE):
        await connection.wait_closed()
    close, peer = library.first_close(connection.protocol)
    assert close is not None
    assert (close.code, peer) == ((1000, True) if by_peer else (1001, False))
    assert library.has_close(connection.protocol)


async def test_request_can_be_freed_and_the_connection_works_on(visit: Visit) -> None:
    client = await connect(f"ws://127.0.0.1:{visit.port}")
    connection = await visit.server_side()
    assert connection.request is not None
    assert "Host" in connection.request.headers
    library.free_request(connection)
    assert "Host" not in connection.request.headers
    await connection.send("still here")
    async with asyncio.timeout(DEADLINE):
        assert await client.recv() == "still here"


async def test_frames_that_wait_are_joined(visit: Visit) -> None:
    await connect(f"ws://127.0.0.1:{visit.port}")
    protocol = (await visit.server_side()).protocol
    protocol.send_ping(b"a")
    protocol.send_ping(b"b")
    assert len(protocol.writes) == 2
    library.join_writes(protocol)
    assert protocol.data_to_send() == [b"\x89\x01a\x89\x01b"]


async def test_bytes_behind_the_request_that_are_no_frame_make_the_library_give_up(
    visit: Visit,
) -> None:
    gave_up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def look(connection: ServerConnection, *_: object) -> None:
        gave_up.set_result(library.has_given_up(connection))

    async with serve(visit.hold, "127.0.0.1", 0, process_response=look) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            b"\xff\xff\xff\xff"
        )
        async with asyncio.timeout(DEADLINE):
            assert await gave_up
        writer.close()


async def test_exceptions_that_the_library_keeps_lose_their_tracebacks(visit: Visit) -> None:
    client = await connect(f"ws://127.0.0.1:{visit.port}")
    connection = await visit.server_side()
    sock = client.transport.get_extra_info("socket")
    assert isinstance(sock.getpeername()[1], int)
    client.transport.write(b"\xff\xff\xff\xff")  # a protocol error
    async with asyncio.timeout(DEADLINE):
        await connection.wait_closed()
    error = connection.protocol.parser_exc
    assert error is not None
    assert error.__traceback__ is not None
    library.free_tracebacks(connection)
    assert error.__traceback__ is None


def test_tls_buffer_of_asyncio_is_where_it_is_set() -> None:
    # In a process of its own: the setting is for the whole process.
    program = (
        "from asyncio.sslproto import SSLProtocol; from server.sockets import library;"
        "assert SSLProtocol.max_size == 256 * 1024; library.limit_tls_buffers(16384);"
        "import asyncio, ssl; loop = asyncio.new_event_loop();"
        "protocol = SSLProtocol(loop, asyncio.Protocol(), ssl.create_default_context(), None);"
        "assert len(protocol._ssl_buffer) == 16384"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
