"""What one socket may send: frames found in bytes that come in any pieces, and counted."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from server.sockets.allowance import (
    FRAMES_A_MESSAGE,
    LARGEST_HEADER,
    LEAST_BYTES,
    LEAST_FRAMES,
    MOST_FRAGMENTS,
    Allowance,
    FrameHeaders,
)
from tests.lab.raw import BINARY, CLOSE, PING, PONG, TEXT, frame, upgrade_request

REQUEST = upgrade_request("/lobby", ["winner-stays.v1"])
SIZES = st.sampled_from([0, 1, 125, 126, 127, 4096, 65535, 65536, 70000])
FRAMES = st.lists(
    st.tuples(st.sampled_from([0, TEXT, BINARY, CLOSE, PING, PONG]), SIZES, st.booleans()),
    max_size=6,
)


@given(FRAMES, st.randoms(use_true_random=False), st.sampled_from([1, 3, 20, 5000, 10**6]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_every_header_is_found_however_the_bytes_are_cut(
    frames: list[tuple[int, int, bool]], random: Random, longest: int
) -> None:
    # Payloads that look like headers, and like the end of a request.
    sent = [frame(o, (b"\r\n\r\n\x81\x80\xff" * 10001)[:size], fin=fin) for o, size, fin in frames]
    data = REQUEST + b"".join(sent)
    if longest < 20:
        data = data[: len(REQUEST) + 5000]
    headers, found, position = FrameHeaders(), list[int](), 0
    while position < len(data):
        piece = random.randint(1, longest)
        found += headers.find(data[position : position + piece])
        position += piece
    starts, at = list[int](), len(REQUEST)
    for each in sent:
        header = len(each) if len(each) < 14 else 6 + {126: 2, 127: 8}.get(each[1] & 127, 0)
        if at + header <= len(data):
            starts.append(each[0])
        at += len(each)
    assert found == starts


def opened(messages_per_second: float = 10, burst: int = 20, size: int = 4096) -> Allowance:
    allowance = Allowance(messages_per_second, burst, size)
    assert allowance.refusal(0.0, REQUEST) is None
    return allowance


def test_so_many_frames_at_once_and_no_more() -> None:
    for empty in (frame(TEXT), frame(PING), frame(PONG)):
        assert opened().refusal(0.0, empty * LEAST_FRAMES) is None
        assert opened().refusal(0.0, empty * (LEAST_FRAMES + 1)) == 1008


def test_frames_come_back_at_their_rate() -> None:
    allowance = opened()
    allowance.refusal(0.0, frame(PING) * LEAST_FRAMES)
    assert allowance.refusal(1.0, frame(PING) * 10 * FRAMES_A_MESSAGE) is None
    assert allowance.refusal(1.0, frame(PING)) == 1008


def test_frames_behind_the_request_count_too() -> None:
    allowance = Allowance(10, 20, 4096)
    assert allowance.refusal(0.0, REQUEST + frame(PING) * (LEAST_FRAMES + 1)) == 1008


def test_so_many_bytes_at_once_and_no_more() -> None:
    for burst, most in ((20, 20 * (4096 + 14)), (1, LEAST_BYTES)):
        message = frame(TEXT, b"x" * (most - len(REQUEST) - LARGEST_HEADER))
        assert opened(burst=burst).refusal(0.0, message) is None
        assert (
            opened(burst=burst).refusal(0.0, message + frame(TEXT, b"x" * LARGEST_HEADER)) == 1008
        )


def test_a_message_in_so_many_fragments_and_no_more() -> None:
    first, more = frame(TEXT, fin=False), frame(0, fin=False)
    whole = first + more * (MOST_FRAGMENTS - 2) + frame(0)
    allowance = opened(burst=1000)
    for _ in range(3):
        assert allowance.refusal(0.0, whole) is None
    # Those that come between do not begin to count anew.
    assert allowance.refusal(0.0, first + (more + frame(PING)) * (MOST_FRAGMENTS - 1)) is None
    assert allowance.refusal(0.0, more) == 1009


def test_higher_limits_allow_more() -> None:
    allowance = opened(messages_per_second=100_000, burst=100_000)
    for _ in range(10):
        assert allowance.refusal(0.0, frame(TEXT) * 20_000) is None
