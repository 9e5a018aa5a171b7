"""The kinds of game: one module each, and one line each in ``KINDS``.

No other module knows the size of a board, what a line is, or when a game is a draw. To add a kind,
implement `contract.Kind` in a module of this package and add a line here; the page needs a module
and a line too (`static/games/`).
"""

from collections.abc import Mapping

from . import tictactoe
from .contract import Kind, Position

__all__ = ["DEFAULT", "KINDS", "MOST_CELLS", "Kind", "Position"]

KINDS: Mapping[str, Kind] = {
    "tictactoe": tictactoe,
}
DEFAULT = "tictactoe"
# Every cell of every kind is less than this.
MOST_CELLS = max(kind.CELLS for kind in KINDS.values())
