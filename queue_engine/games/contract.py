"""The interface of a kind of game: pure functions of the moves so far.

A move is a cell, a number from 0. The player ``first`` makes the first move, the third, and so on.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

EMPTY = "."


class Position(NamedTuple):
    """A game after some moves.

    ``board`` has a character for each place, row by row from the top: a marker or ``EMPTY``.
    ``line`` holds the places of the winning line of a game that is won. ``is_over`` is true after a
    win or a draw.
    """

    board: str
    winner: str | None = None
    line: tuple[int, ...] | None = None
    is_over: bool = False


class Kind(Protocol):
    """A module that implements one kind of game."""

    CELLS: int
    """The number of cells; every move is less than this."""

    def is_free(self, moves: Sequence[int], cell: int) -> bool:
        """Return whether the cell can be played next."""

    def position(self, moves: Sequence[int], first: str) -> Position:
        """Return the position after the moves.

        Raises:
            ValueError: one of the moves cannot be played.
        """


def marker_of(number: int, first: str) -> str:
    """Return the marker that makes a move, counted from 0."""
    return first if number % 2 == 0 else "O" if first == "X" else "X"
