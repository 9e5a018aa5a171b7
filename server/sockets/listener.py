"""The listening socket: its address, its TLS context, and the options of its connections."""

import socket
import ssl
from functools import partial
from typing import Any

from server.sockets import library
from server.sockets.allowance import LEAST_FRAMES
from server.sockets.connection import CLOSE_SECONDS, Census, Connection

# How many connections the kernel queues when a whole class opens the page at once, and how many the
# event loop accepts in one iteration, so that it also serves those accepted before.
BACKLOG = 4096
ACCEPTED_AT_ONCE = 8
# asyncio's read buffer for each TLS connection (bytes). A record fits; the default is 256 KB.
# uvloop has a buffer of its own.
TLS_BUFFER = 16 * 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        OSError: with one line that names the address and says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port),
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
        # Accepted sockets inherit it. asyncio sets it only on sockets created with a protocol
        # number, which these are not. Without it a frame may wait 40 ms for the acknowledgement of
        # the previous one.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"cannot listen on {host} port {port}: {reason}") from error


def tls_context(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return a TLS context for a certificate and its key, or None without them.

    Raises:
        OSError: with one line that names both files and says why.
    """
    if cert is None or key is None:
        return None
    library.limit_tls_buffers(TLS_BUFFER)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # If no password is given, even a wrong one, OpenSSL asks for it on the terminal and blocks.
        context.load_cert_chain(cert, key, password="")
    except OSError as error:
        raise OSError(f"cannot use --tls-cert {cert} with --tls-key {key}: {error}") from error
    return context


def socket_options(census: Census) -> dict[str, Any]:
    """Return the options of `serve`, for the server and for the conformance suite."""
    return {
        "create_connection": partial(Connection, census=census),
        "compression": None,  # 35 times the cost of a plain frame, and 30 KB per connection
        "server_header": None,
        "ping_interval": None,  # one timer pings everybody, see `liveness.py`
        "close_timeout": CLOSE_SECONDS,
        "backlog": ACCEPTED_AT_ONCE,
        # A client within the default limits never has more unread frames than this, so reading is
        # never paused for it, and its end is noticed at once.
        "max_queue": LEAST_FRAMES,
    }
