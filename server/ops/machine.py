"""The machine: its address in the local network, and its limit of open files.

This module asks the operating system and knows nothing of the service.
"""

import contextlib
import os
import resource
import socket
import sys

# Some systems report "unlimited" and then refuse that number.
_TRIES = (1_048_576, 65_536, 10_240)


def open_standard_streams() -> None:
    """Open ``/dev/null`` in place of each standard stream that was closed at the start.

    Otherwise the next socket or database file would get its descriptor. Python's stream would be
    None, which cannot be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes this number, the lowest free one
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def lan_address(*, ipv6: bool = False) -> str | None:
    """Return the machine's address in the local network, if there is one.

    Connecting a datagram socket sends no packet; it only makes the system choose an outgoing
    interface. The addresses are reserved for documentation.
    """
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(("2001:db8::1" if ipv6 else "192.0.2.1", 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def connections_allowed() -> int:
    """Return how many WebSocket connections the limit of open files allows.

    The rest is for the store, the log, and connections in their handshake or fetching a page.
    """
    files = _raise_file_limit()
    return max(1, files - min(files // 4, 512))


def sockets_allowed() -> int:
    """Return how many TCP connections of any kind the limit of open files allows.

    The rest is for the store, the log, and connections that were just accepted.
    """
    files = _raise_file_limit()
    return max(1, files - min(files // 4, 128))


def _raise_file_limit() -> int:
    """Raise the limit of open files as far as possible without privileges, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _TRIES if hard == resource.RLIM_INFINITY else (hard, *_TRIES):
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            break
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _TRIES[0] if soft == resource.RLIM_INFINITY else soft
