"""The close codes that the server sends, each with its reason.

The library itself sends 1002 (protocol error), 1007 (invalid UTF-8) and 1009 for large messages.
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
    # Too many messages for 5 s, or more frames or bytes than messages could ever need.
    POLICY_VIOLATION = 1008, "too many messages"
    # For a message with too many bytes, the library sends this code.
    MESSAGE_TOO_BIG = 1009, "too many fragments"
    # A part of the server failed, or the room's rows cannot be read.
    INTERNAL_ERROR = 1011, "internal error"
    # The store is down, or the last place in line was just taken.
    TRY_AGAIN_LATER = 1013, "temporarily unavailable; try again"
    # Terminal: if both tabs reconnected, they would take the seat from each other for ever.
    RESUMED_ELSEWHERE = 4001, "resumed elsewhere"
    REMOVED = 4002, "removed by the operator"
    # The peer did not read for 20 s.
    TOO_SLOW = 4008, "too slow"


# The reason for INTERNAL_ERROR when one room is broken, and not the server.
ROOM_UNUSABLE = "this room is broken until its operator repairs it"
