"""Rate limits, the Origin check, and the address that a connection is counted by.

Everything here is pure: time is passed in, and the caller acts on the result.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

# Refusals for this long are abuse; a second without one ends the streak.
ABUSE_SECONDS = 5.0
STREAK_GAP_SECONDS = 1.0

# An address is paced for this long (seconds) after the last flood from it.
PACED_SECONDS = 10.0
# The seconds between two handshakes of a paced address.
PACE_SECONDS = 0.025
# The longest delay of a handshake (seconds).
LONGEST_WAIT = 5.0

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#@\s]+)", re.IGNORECASE)
# An entry of X-Forwarded-For with a port, as some proxies write it, and IPv6 in brackets.
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@,\s]+)(?::([0-9]{0,5}))?", re.IGNORECASE)


class TokenBucket:
    """Allows ``burst`` at once and ``rate`` per second in the long run.

    ``now`` is in seconds, from any monotonic clock.
    """

    __slots__ = ("_burst", "_last_refusal", "_rate", "_streak_start", "_tokens", "_updated")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._updated: float | None = None
        self._streak_start = self._last_refusal = float("-inf")

    def take(self, now: float, tokens: int = 1) -> bool:
        """Take this many tokens, or refuse if there are too few."""
        if self._updated is not None:
            gained = (now - self._updated) * self._rate
            self._tokens = min(self._burst, self._tokens + gained)
        self._updated = now
        if self._tokens >= tokens:
            self._tokens -= tokens
            return True
        if now - self._last_refusal > STREAK_GAP_SECONDS:
            self._streak_start = now
        self._last_refusal = now
        return False

    def abusive(self, now: float) -> bool:
        """Return whether it has been refusing for five seconds without a pause."""
        goes_on = now - self._last_refusal <= STREAK_GAP_SECONDS
        return goes_on and now - self._streak_start >= ABUSE_SECONDS


class Pace:
    """Spaces out the handshakes of an address whose sockets were closed for flooding.

    Otherwise a client could flood, hang up and reconnect as fast as it can. Others behind the same
    address, such as a class, still get in, one after another.
    """

    __slots__ = ("_paced",)

    def __init__(self) -> None:
        self._paced: dict[str, tuple[float, float]] = {}  # the end of the pacing, the next slot

    def flooded(self, address: str, now: float) -> None:
        """Pace the address from now on."""
        if address not in self._paced:
            self._paced = {a: times for a, times in self._paced.items() if times[0] > now}
        _, slot = self._paced.get(address, (now, now))
        self._paced[address] = now + PACED_SECONDS, slot

    def wait(self, address: str, now: float) -> float | None:
        """Return the delay (seconds) of a handshake, or None if it would be too long."""
        until, slot = self._paced.get(address, (now, now))
        if until <= now:
            return 0.0
        slot = max(slot, now)
        if slot - now > LONGEST_WAIT:
            return None
        self._paced[address] = until, slot + PACE_SECONDS
        return slot - now


def origin_allowed(origin: str | None, host: str | None, allowed: tuple[str, ...] | None) -> bool:
    """Return whether a page of ``origin`` may open a socket to ``host``.

    ``allowed`` is None for the host's own pages only; ``*`` in it allows all. The check protects
    browsers, which are the only clients that send an Origin: a foreign page must not open sockets
    from its visitor's address.
    """
    if origin is None or (allowed is not None and "*" in allowed):
        return True
    if allowed is not None:
        return _normalised(origin) in map(_normalised, allowed)
    parts = _ORIGIN.fullmatch(origin)
    if parts is None or host is None:
        return False
    # Don't compare the scheme: behind a proxy that ends TLS, the browser's scheme is unknown.
    port = _DEFAULT_PORTS.get(parts[1].lower())
    ours = _host_and_port(host, port)
    return ours is not None and _host_and_port(parts[2], port) == ours


def client_address(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """Return the address that a connection is counted by; for IPv6, its /64 network.

    It is the peer's address. If the peer is a trusted proxy, it is the right-most entry of
    ``forwarded`` (X-Forwarded-For) that is not a trusted proxy. Each proxy appends the address of
    its client, so entries forged by a client are further left and never reached.
    """
    address = _ip(peer)
    for entry in reversed(forwarded.split(",")):
        said = _ip(_without_port(entry.strip()))
        if address is None or said is None or not any(address in network for network in trusted):
            break
        address = said
    # Providers give each customer a /64, so a limit per single address would have no effect.
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), 64), strict=False))
    return str(address or peer)


def _without_port(entry: str) -> str:
    parts = _WITH_PORT.fullmatch(entry)
    return parts[1] or parts[2] if parts else entry


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket reports an IPv4 peer as ::ffff:a.b.c.d.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _normalised(origin: str) -> object:
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        return origin.lower()
    scheme = parts[1].lower()
    return scheme, _host_and_port(parts[2], _DEFAULT_PORTS.get(scheme))


def _host_and_port(authority: str, default_port: int | None) -> tuple[str, int | None] | None:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return None
    return parts[1].lower(), int(parts[2]) if parts[2] else default_port
