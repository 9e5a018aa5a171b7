"""The board, over every game there is."""

from collections import Counter
from functools import cache

import pytest

from queue_engine.tictactoe import (
    EMPTY_BOARD,
    LINES,
    is_free,
    is_full,
    mark,
    winning_line,
)


@cache
def ends(board: str = EMPTY_BOARD, marker: str = "X") -> Counter[str]:
    """Count how the games go on from here: who wins, and after how many cells."""
    if winning_line(board) is not None:
        return Counter({f"{'O' if marker == 'X' else 'X'} in {9 - board.count('.')}": 1})
    if is_full(board):
        return Counter({"draw": 1})
    other = "O" if marker == "X" else "X"
    moves = (mark(board, cell, marker) for cell in range(9) if is_free(board, cell))
    return sum((ends(after, other) for after in moves), Counter[str]())


def test_every_game_ends_as_the_books_have_it() -> None:
    assert ends() == {
        "X in 5": 1440,
        "O in 6": 5328,
        "X in 7": 47952,
        "O in 8": 72576,
        "X in 9": 81792,
        "draw": 46080,
    }


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("marker", ["X", "O"])
def test_every_line_wins(line: tuple[int, int, int], marker: str) -> None:
    board = EMPTY_BOARD
    for cell in line:
        assert winning_line(board) is None
        board = mark(board, cell, marker)
    assert winning_line(board) == line


@pytest.mark.parametrize(
    ("board", "line"),
    [
        ("XXXX..X..", (0, 1, 2)),
        ("XXX.X.X.X", (0, 1, 2)),
        ("O..OX.OXO", (0, 3, 6)),
        ("X.X.X.X.X", (0, 4, 8)),
    ],
)
def test_rows_come_before_columns_and_columns_before_diagonals(
    board: str, line: tuple[int, int, int]
) -> None:
    assert winning_line(board) == line


def test_empty_cells_are_no_line() -> None:
    assert winning_line(EMPTY_BOARD) is None


def test_marking_takes_one_cell() -> None:
    board = mark(EMPTY_BOARD, 4, "X")
    assert board == "....X...."
    assert [is_free(board, cell) for cell in range(9)].count(False) == 1
