"""Why a socket of ours is closed: every code that we choose, with the reason that goes with it.

1007 (invalid UTF-8), 1002 (protocol error) and most often 1009 are sent by the library.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """A WebSocket close code (RFC 6455, section 7.4; from 4000 on they are our own)."""

    reason: str

    def __new__(cls, code: int, reason: str) -> "CloseCode":
        """Keep the reason beside the number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.reason = reason
        return member

    # A v1 client reconnects and resumes.
    GOING_AWAY = 1001, "server going down"
    UNSUPPORTED_DATA = 1003, "text frames only"
    # Too many messages, kept up for 5 s; or more frames or bytes than they could ever need.
    POLICY_VIOLATION = 1008, "too many messages"
    # The library says so of a message with too many bytes.
    MESSAGE_TOO_BIG = 1009, "too many fragments"
    # A part of the server has failed, or the room's rows cannot be read.
    INTERNAL_ERROR = 1011, "internal error"
    # Whoever comes while the store is down, or as the last place in line is taken.
    TRY_AGAIN_LATER = 1013, "nobody can come in at the moment; try again"
    # Terminal: two tabs that both came back would take the seat from each other for ever.
    RESUMED_ELSEWHERE = 4001, "resumed elsewhere"
    REMOVED = 4002, "removed by the operator"
    # Did not read for 20 s what it was sent.
    TOO_SLOW = 4008, "too slow"


# Of INTERNAL_ERROR, where one room is concerned and not the server.
ROOM_UNUSABLE = "this room is broken until its operator mends it"
