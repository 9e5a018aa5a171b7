"""What the server uses of `websockets` and asyncio beyond their documented interfaces.

Each function here has a test in `tests/server/sockets/test_library.py`, which fails if the library
changes what the function relies on.
"""

import asyncio
from asyncio.sslproto import SSLProtocol

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.frames import Close
from websockets.http11 import Request
from websockets.protocol import SEND_EOF, Protocol

_NO_REQUEST = Request("", Headers())


def limit_tls_buffers(size: int) -> None:
    """Let asyncio keep a read buffer of this size (bytes) for each TLS connection."""
    SSLProtocol.max_size = size


def lost(connection: ServerConnection) -> asyncio.Future[None]:
    """Return the future that is done when the TCP connection is lost."""
    return connection.connection_lost_waiter


def has_given_up(connection: ServerConnection) -> bool:
    """Return whether the library has ended the connection, and would fail if it sent a response."""
    return connection.protocol.eof_sent


def first_close(protocol: Protocol) -> tuple[Close | None, bool]:
    """Return the close frame that started the close, and whether the peer sent it."""
    if protocol.close_rcvd_then_sent:
        return protocol.close_rcvd, True
    return protocol.close_sent, False


def has_close(protocol: Protocol) -> bool:
    """Return whether the peer has sent a close frame."""
    return protocol.close_rcvd is not None


def join_writes(protocol: Protocol) -> None:
    """Join what the library is about to send, such as many pongs, into one write."""
    if len(protocol.writes) > 1 and SEND_EOF not in protocol.writes:
        protocol.writes = [b"".join(protocol.writes)]


def free_request(connection: ServerConnection) -> None:
    """Free the headers of the handshake, a third of the memory of an idle connection.

    The library takes a connection without a request for one that has not shaken hands.
    """
    connection.request, connection.response = _NO_REQUEST, None


def free_tracebacks(connection: ServerConnection) -> None:
    """Free the tracebacks of the exceptions that the library keeps.

    Their frames hold the connection, and since Python 3.12 the frames of their callers. It would
    wait for a full garbage collection, with its TLS buffers.
    """
    protocol = connection.protocol
    for error in (protocol.parser_exc, protocol.handshake_exc, connection.connection_exc):
        while error is not None:
            error.__traceback__ = None
            error = error.__cause__ or error.__context__
