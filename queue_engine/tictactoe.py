"""The board of tic-tac-toe: the file to replace for another game.

A board is a string of nine cells, row by row; ``.`` is an empty one. It knows no users, no seats
and no clock.
"""

EMPTY_BOARD = "." * 9

# Rows, columns, diagonals: of two lines completed at once the first one counts.
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


def is_free(board: str, cell: int) -> bool:
    """Tell whether the cell can be played."""
    return board[cell] == "."


def mark(board: str, cell: int, marker: str) -> str:
    """Return the board with the marker in the cell."""
    return board[:cell] + marker + board[cell + 1 :]


def winning_line(board: str) -> tuple[int, int, int] | None:
    """Return the first complete line, if there is one."""
    for line in LINES:
        first, second, third = (board[cell] for cell in line)
        if first == second == third != ".":
            return line
    return None


def is_full(board: str) -> bool:
    """Tell whether nobody can move any more."""
    return "." not in board
