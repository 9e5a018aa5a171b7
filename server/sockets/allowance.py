"""What one socket may send: so many bytes, so many frames, so many fragments of a message.

Frames are counted in the bytes as they come, before the library parses them: an empty one is six
bytes long, but costs as much time and memory as any other. Payloads are skipped, not looked at.
"""

from collections.abc import Iterator

from server.sockets.limits import TokenBucket
from server.wire.close_codes import CloseCode

# A message in more fragments than this is refused like one that is too big.
MOST_FRAGMENTS = 64
# A client may send this many frames for each message it may send. Control frames count, and so do
# messages that are answered 429: a client that sends ten times what it may is told so for 5 s.
FRAMES_A_MESSAGE = 10
# What any client may send at once, however low its limits are.
LEAST_FRAMES = 200
LEAST_BYTES = 64 * 1024

# Two bytes, eight of length, four of mask (RFC 6455, section 5.2).
LARGEST_HEADER = 14
_END_OF_REQUEST = b"\r\n\r\n"
_CONTROL, _OPCODE = 0x08, 0x0F


class FrameHeaders:
    """Finds the frame headers in what a client sends, wherever TCP has cut it.

    What comes first is the HTTP request of the opening handshake.
    """

    __slots__ = ("_in_request", "_partial", "_skip")

    def __init__(self) -> None:
        self._in_request = True
        self._partial = b""  # the last bytes of the request so far, or the first ones of a header
        self._skip = 0  # payload that is still to come

    def find(self, data: bytes) -> Iterator[int]:
        """Yield the first byte of each frame whose header gets complete with this data."""
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
    if header[1] & 0x80:  # a client has to mask; the library refuses a frame without
        start += 4
    return start + length if len(header) >= start else None


class Allowance:
    """Says when a client has sent more than its messages could ever need."""

    __slots__ = ("_bytes", "_fragments", "_frames", "_headers")

    def __init__(self, messages_per_second: float, burst: int, max_message_bytes: int) -> None:
        frames = max(burst * FRAMES_A_MESSAGE, LEAST_FRAMES)
        self._frames = TokenBucket(messages_per_second * FRAMES_A_MESSAGE, frames)
        size = max_message_bytes + LARGEST_HEADER
        self._bytes = TokenBucket(messages_per_second * size, max(burst * size, LEAST_BYTES))
        self._headers = FrameHeaders()
        self._fragments = 0

    def refusal(self, now: float, data: bytes) -> CloseCode | None:
        """Return the code to close with if this data is too much; after that, ask no more."""
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
