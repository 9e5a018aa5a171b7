"""The house rules: the times, the kind of game, and the limits of a streak and of a line."""

from dataclasses import dataclass

from . import games


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """The house rules as numbers; durations in seconds. 0 turns off a clock or the streak limit."""

    resume_seconds: float = 180
    seat_seconds: float = 15
    move_seconds: float = 30
    idle_seconds: float = 300
    max_streak: int = 0
    max_waiting: int = 10_000
    kind: str = games.DEFAULT
