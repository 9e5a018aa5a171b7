"""The house rules that a host may set: times, which game, how long a streak or a line may be."""

from dataclasses import dataclass

from . import games


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """The numbers a host may set; durations in seconds, 0 turns a clock or the streak off."""

    resume_seconds: float = 180
    seat_seconds: float = 15
    move_seconds: float = 30
    idle_seconds: float = 300
    max_streak: int = 0
    max_waiting: int = 10_000
    kind: str = games.DEFAULT
