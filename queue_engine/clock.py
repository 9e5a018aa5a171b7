"""The clock for all deadlines of the process."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The wall clock at start plus the monotonic clock, so that wall clock jumps have no effect."""

    def __init__(self) -> None:
        self._start = datetime.now(UTC)
        self._monotonic = time.monotonic()

    def __call__(self) -> datetime:
        """Return the current time in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._monotonic)
