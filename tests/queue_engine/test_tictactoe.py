"""Tic-tac-toe, over every game there is."""

from collections import Counter
from functools import cache

import pytest

from queue_engine.games.tictactoe import CELLS, LINES, is_free, position


@cache
def ends(moves: tuple[int, ...] = ()) -> Counter[str]:
    """Count how the games go on from here: who wins, and after how many moves."""
    now = position(moves, "X")
    if now.is_over:
        return Counter({f"{now.winner} in {len(moves)}" if now.winner else "draw": 1})
    free = (cell for cell in range(CELLS) if is_free(moves, cell))
    return sum((ends((*moves, cell)) for cell in free), Counter[str]())


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
@pytest.mark.parametrize("first", ["X", "O"])
def test_every_line_wins(line: tuple[int, int, int], first: str) -> None:
    others = [cell for cell in range(CELLS) if cell not in line]
    moves = [line[0], others[0], line[1], others[1]]
    assert not position(moves, first).is_over
    won = position([*moves, line[2]], first)
    assert (won.winner, won.line, won.is_over) == (first, line, True)


@pytest.mark.parametrize(
    ("moves", "line"),
    [
        ((0, 4, 1, 5, 3, 7, 6, 8, 2), (0, 1, 2)),
        ((0, 1, 2, 3, 4, 5, 6, 7, 8), (0, 4, 8)),
        ((3, 1, 6, 2, 4, 5, 8, 7, 0), (0, 3, 6)),
    ],
)
def test_rows_come_before_columns_and_columns_before_diagonals(
    moves: tuple[int, ...], line: tuple[int, int, int]
) -> None:
    assert position(moves, "X").line == line


def test_marks_alternate_from_the_first() -> None:
    assert position((), "X").board == "........."
    assert position((4, 0, 8), "X").board == "O...X...X"
    assert position((4, 0, 8), "O").board == "X...O...O"


@pytest.mark.parametrize("cell", [-1, 4, 9])
def test_cell_that_is_taken_or_not_there_is_not_free(cell: int) -> None:
    assert not is_free((4,), cell)
    with pytest.raises(ValueError, match=f"move 2: cell {cell} cannot be played"):
        position((4, cell), "X")
