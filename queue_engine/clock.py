"""The time by which deadlines are meant: one clock for the whole process."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The wall clock at start plus the monotonic clock: no jump of the wall clock moves it."""

    def __init__(self) -> None:
        self._start = datetime.now(UTC)
        self._monotonic = time.monotonic()

    def __call__(self) -> datetime:
        """Return the moment it is now, in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._monotonic)
