"""Tic-tac-toe: nine cells, row by row. Three in a row win; a full board without them is a draw."""

from collections.abc import Sequence

from .contract import EMPTY, Position, marker_of

CELLS = 9

# Rows, columns, diagonals. If a move completes two lines, the first one listed counts.
LINES = (
    (0, 1, 2),
    (3, 4, 5),
    (6, 7, 8),
    (0, 3, 6),
    (1, 4, 7),
    (2, 5, 8),
    (0, 4, 8),
    (2, 4, 6),
)


def is_free(moves: Sequence[int], cell: int) -> bool:
    """Return whether the cell can be played next."""
    return 0 <= cell < CELLS and cell not in moves


def position(moves: Sequence[int], first: str) -> Position:
    """Return the position after the moves.

    Raises:
        ValueError: one of the moves cannot be played.
    """
    board = [EMPTY] * CELLS
    for number, cell in enumerate(moves):
        if not is_free(moves[:number], cell):
            raise ValueError(f"move {number + 1}: cell {cell} cannot be played")
        board[cell] = marker_of(number, first)
    for line in LINES:
        first_cell, second, third = line
        if EMPTY != board[first_cell] == board[second] == board[third]:
            return Position("".join(board), board[first_cell], line, is_over=True)
    return Position("".join(board), is_over=EMPTY not in board)
