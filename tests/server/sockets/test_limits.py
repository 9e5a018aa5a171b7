"""How much one client may say, whose pages may open a socket, and whose address counts."""

from ipaddress import ip_network

import pytest

from server.sockets.limits import (
    LONGEST_WAIT,
    PACE_SECONDS,
    PACED_SECONDS,
    Pace,
    TokenBucket,
    client_address,
    origin_allowed,
)


def test_burst_goes_through_at_once_and_no_more() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.take(100.0) for _ in range(5)] == [True, True, True, False, False]


def test_tokens_come_back_at_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=1)
    assert bucket.take(0.0)
    assert not bucket.take(0.05)
    assert bucket.take(0.15)


def test_tokens_never_exceed_the_burst() -> None:
    bucket = TokenBucket(rate=10, burst=2)
    bucket.take(0.0)
    assert [bucket.take(3600.0) for _ in range(3)] == [True, True, False]


def test_long_run_rate_is_kept() -> None:
    bucket = TokenBucket(rate=10, burst=20)
    taken = sum(bucket.take(tick / 100) for tick in range(10_000))
    assert 1000 <= taken <= 1020


def test_refusals_kept_up_for_five_seconds_are_abusive() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    for tick in range(50):
        bucket.take(tick / 10)
        assert not bucket.abusive(tick / 10)
    for tick in range(50, 53):
        bucket.take(tick / 10)
    assert bucket.abusive(5.2)


def test_a_second_without_refusals_ends_the_streak() -> None:
    bucket = TokenBucket(rate=0.1, burst=1)
    for tick in range(45):
        bucket.take(tick / 10)
    assert not bucket.take(5.9)
    assert not bucket.take(5.95)
    assert not bucket.abusive(5.95)


def test_abuse_is_over_once_nothing_is_refused_any_more() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    for tick in range(60):
        bucket.take(tick / 10)
    assert bucket.abusive(5.9)
    assert not bucket.abusive(7.0)


def test_a_client_within_its_rate_is_never_abusive() -> None:
    bucket = TokenBucket(rate=10, burst=20)
    assert all(bucket.take(second / 10) for second in range(200))
    assert not bucket.abusive(19.9)


def test_handshakes_after_a_flood_come_one_after_the_other() -> None:
    pace = Pace()
    assert [pace.wait("a", 1.0) for _ in range(3)] == [0, 0, 0]
    pace.flooded("a", 1.0)
    assert [pace.wait("a", 1.0) for _ in range(3)] == pytest.approx([0, 0.025, 0.05])
    assert pace.wait("b", 1.0) == 0
    # One who comes when nobody waits does not wait either.
    assert pace.wait("a", 2.0) == 0
    waits = [pace.wait("a", 2.0) for _ in range(int(LONGEST_WAIT / PACE_SECONDS) + 2)]
    assert max(wait for wait in waits if wait is not None) <= LONGEST_WAIT
    assert waits[-1] is None
    assert pace.wait("a", 1.0 + PACED_SECONDS) == 0
    assert pace.wait("a", 1.0 + PACED_SECONDS) == 0


def test_new_floods_prolong_the_pace_and_free_no_turn() -> None:
    pace = Pace()
    pace.flooded("a", 0.0)
    assert [pace.wait("a", 0.0) for _ in range(4)] == pytest.approx([0, 0.025, 0.05, 0.075])
    pace.flooded("a", 0.0)
    assert pace.wait("a", 0.0) == pytest.approx(0.1)
    pace.flooded("a", 9.0)
    pace.wait("a", 18.0)
    assert pace.wait("a", 18.0) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "play.example"),
        (None, None),
        ("http://play.example", "play.example"),
        ("http://play.example:80", "play.example"),
        ("http://play.example", "play.example:80"),
        ("https://play.example", "play.example"),  # behind a proxy that ends TLS
        ("https://play.example", "play.example:443"),
        ("https://play.example:8443", "play.example:8443"),
        ("http://PLAY.example:8080", "play.Example:8080"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[2001:DB8::1]", "[2001:db8::1]"),
    ],
)
def test_same_origin_is_let_in(origin: str | None, host: str | None) -> None:
    assert origin_allowed(origin, host, None)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "play.example"),
        ("", "play.example"),
        ("http://evil.example", "play.example"),
        ("http://sub.play.example", "play.example"),
        ("http://play.example.evil.example", "play.example"),
        ("http://play.example:8081", "play.example:8080"),
        ("http://play.example:8080", "play.example"),
        ("https://play.example", "play.example:80"),
        ("http://play.example", "play.example:443"),
        ("http://play.example", None),
        ("http://play.example", ""),
        ("http://play.example", "play.example,evil.example"),
        ("http://play.example,http://evil.example", "play.example"),
        ("http://play.example@evil.example", "evil.example"),
        ("http://evil.example/play.example", "play.example"),
        ("play.example", "play.example"),
        ("file://", "play.example"),
        ("http://play.example:99999999", "play.example:99999999"),
    ],
)
def test_other_origins_are_refused(origin: str, host: str | None) -> None:
    assert not origin_allowed(origin, host, None)


def test_a_list_of_origins_replaces_the_host() -> None:
    allowed = ("https://play.example", "http://other.example:8080")
    assert origin_allowed("https://play.example", "inside:8080", allowed)
    assert origin_allowed("https://PLAY.example:443", "inside:8080", allowed)
    assert origin_allowed("http://other.example:8080", "inside:8080", allowed)
    assert origin_allowed(None, "inside:8080", allowed)
    assert not origin_allowed("http://play.example", "inside:8080", allowed)
    assert not origin_allowed("https://play.example:8443", "inside:8080", allowed)
    assert not origin_allowed("http://inside:8080", "inside:8080", allowed)
    assert not origin_allowed("null", "inside:8080", allowed)


def test_a_star_lets_all_in() -> None:
    assert origin_allowed("https://evil.example", "play.example", ("*",))
    assert origin_allowed("null", None, ("*",))


PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # no proxy: it may say what it likes
        ("192.0.2.2", "203.0.113.9", "192.0.2.2"),
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # made up by the client
        ("192.0.2.1", "1.2.3.4,203.0.113.9 ,10.1.2.3", "203.0.113.9"),
        ("192.0.2.1", "10.9.9.9,10.1.2.3", "10.9.9.9"),  # nobody but proxies
        ("192.0.2.1", "203.0.113.9, unknown", "192.0.2.1"),
        ("192.0.2.1", "nonsense, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9,", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9:4711", "203.0.113.9"),
        ("192.0.2.1", "1.2.3.4:5, 203.0.113.9:4711 , 10.1.2.3:80", "203.0.113.9"),
        ("192.0.2.1", "[2001:db8:1:2:3::4]:99", "2001:db8:1:2::/64"),
        ("192.0.2.1", "[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
        ("192.0.2.1", "[::ffff:203.0.113.9]:99", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9:", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9:port", "192.0.2.1"),
        ("192.0.2.1", "[2001:db8::1", "192.0.2.1"),
        ("192.0.2.1", "[2001:db8::1]99", "192.0.2.1"),
        ("::ffff:192.0.2.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:ffff::1", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:a::b", "", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("", "203.0.113.9", ""),
    ],
)
def test_address_is_that_of_the_client(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_address("127.0.0.1", "203.0.113.9", ()) == "127.0.0.1"
