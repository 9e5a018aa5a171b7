"""A rate limit for each kind of log line, with a count of the lines left out.

Clients cause log lines by connecting, leaving and being refused, as often as they like. Without a
limit they could fill the disk.
"""

import logging
import time
from collections import Counter

from server.sockets.limits import TokenBucket

LINES_PER_SECOND = 1.0
LINES_AT_ONCE = 100


class LogLimit:
    """A filter for a log handler; records with the same logger, level and action are of one kind.

    All three are constants in the code, so the number of kinds is bounded. After some lines were
    left out, the next one gives their number in its detail ``leftOut``.
    """

    def __init__(self) -> None:
        self._buckets: dict[object, TokenBucket] = {}
        self._left_out: Counter[object] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record."""
        return self.admit(record, time.monotonic())

    def admit(self, record: logging.LogRecord, now: float) -> bool:
        """Return whether to write a record; ``now`` is in seconds, from a monotonic clock."""
        kind = record.name, record.levelno, getattr(record, "action", None)
        if kind not in self._buckets:
            self._buckets[kind] = TokenBucket(LINES_PER_SECOND, LINES_AT_ONCE)
        if not self._buckets[kind].take(now):
            self._left_out[kind] += 1
            return False
        if left_out := self._left_out.pop(kind, 0):
            vars(record)["leftOut"] = left_out
        return True
