"""What a kind of game is: pure functions of the moves so far.

A move is a cell, a number from 0. The player ``first`` makes the first move, the third, and so on.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

EMPTY = "."


class Position(NamedTuple):
    """A game after some moves.

    ``board`` has a character for each place, row by row from the top: a marker or ``EMPTY``. If the
    game is won, ``line`` holds the places of the winning line; in any case ``is_over`` says whether
    nobody can move any more.
    """

    board: str
    winner: str | None = None
    line: tuple[int, ...] | None = None
    is_over: bool = False


class Kind(Protocol):
    """A module that knows one game."""

    CELLS: int
    """How many cells there are to choose from: a move is less than this."""

    def is_free(self, moves: Sequence[int], cell: int) -> bool:
        """Tell whether the cell can be played next."""

    def position(self, moves: Sequence[int], first: str) -> Position:
        """Return the position after the moves.

        Raises:
            ValueError: one of them cannot be played.
        """


def marker_of(number: int, first: str) -> str:
    """Return the marker that makes a move, counted from 0."""
    return first if number % 2 == 0 else "O" if first == "X" else "X"
