"""Limits on what one socket may send: bytes, frames, and fragments per message.

Frames are counted in the raw bytes, before the library parses them: an empty frame is six bytes
long, but costs as much time and memory as any other. Payloads are skipped without reading them.
"""

from collections.abc import Iterator

from server.sockets.limits import TokenBucket
from server.wire.close_codes import CloseCode

# A message in more fragments than this is refused like one that is too big.
MOST_FRAGMENTS = 64
# A client may send this many frames for each message it may send. Control frames count, and so do
# messages that are answered 429. So a client at ten times its rate still gets 429 for 5 s.
FRAMES_A_MESSAGE = 10
# Any client may send this much at once, however low its limits are.
LEAST_FRAMES = 200
LEAST_BYTES = 64 * 1024

# Two bytes, eight of length, four of mask (RFC 6455, section 5.2).
LARGEST_HEADER = 14
_END_OF_REQUEST = b"\r\n\r\n"
_CONTROL, _OPCODE = 0x08, 0x0F


class FrameHeaders:
    """Finds frame headers in a client's byte stream, in segments of any size.

    The stream starts with the HTTP request of the opening handshake.
    """

    __slots__ = ("_in_request", "_partial", "_skip")

    def __init__(self) -> None:
        self._in_request = True
        self._partial = b""  # the last bytes of the request, or the first bytes of a header
        self._skip = 0  # bytes of payload still to come

    def find(self, data: bytes) -> Iterator[int]:
        """Yield the first byte of each frame whose header is completed by this data."""
        if self._in_request:
            request, end, data = (self._partial + data).partition(_END_OF_REQUEST)
            if not end:
                self._partial = request[1 - len(_END_OF_REQUEST) :]
                return
            self._in_request, self._partial = False, b""
        position, header = self._skip, self._partial
        while position < len(data):
            known = len(header)
            header += data[position : position + LARGEST_HEADER - known]
            size = _frame_size(header)
            if size is None:
                self._partial, self._skip = header, 0
                return
            yield header[0]
            position += size - known
            header = b""
        self._partial, self._skip = header, position - len(data)


def _frame_size(header: bytes) -> int | None:
    """Return the size of a frame with its header, or None while the header is incomplete."""
    if len(header) < 2:
        return None
    length, start = header[1] & 0x7F, 2
    if length == 126:
        length, start = int.from_bytes(header[2:4]), 4
    elif length == 127:
        length, start = int.from_bytes(header[2:10]), 10
    if header[1] & 0x80:  # clients must mask; the library refuses unmasked frames
        start += 4
    return start + length if len(header) >= start else None


class Allowance:
    """Detects a client that sends more than its messages could ever need."""

    __slots__ = ("_bytes", "_fragments", "_frames", "_headers")

    def __init__(self, messages_per_second: float, burst: int, max_message_bytes: int) -> None:
        frames = max(burst * FRAMES_A_MESSAGE, LEAST_FRAMES)
        self._frames = TokenBucket(messages_per_second * FRAMES_A_MESSAGE, frames)
        size = max_message_bytes + LARGEST_HEADER
        self._bytes = TokenBucket(messages_per_second * size, max(burst * size, LEAST_BYTES))
        self._headers = FrameHeaders()
        self._fragments = 0

    def refusal(self, now: float, data: bytes) -> CloseCode | None:
        """Return a close code if this data exceeds the allowance; don't call again after that."""
        for first in self._headers.find(data):
            if not first & _CONTROL:
                self._fragments = 1 if first & _OPCODE else self._fragments + 1
                if self._fragments > MOST_FRAGMENTS:
                    return CloseCode.MESSAGE_TOO_BIG
            if not self._frames.take(now):
                return CloseCode.POLICY_VIOLATION
        if not self._bytes.take(now, len(data)):
            return CloseCode.POLICY_VIOLATION
        return None
