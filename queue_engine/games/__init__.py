"""The kinds of game: one module each, and one line each in ``KINDS``.

Nothing else knows how large a board is, what a line is, or when a game is a draw. To add a kind,
write what `contract.Kind` promises in a module of this package and add its line here; the page has
a module and a line of its own (`static/games/`).
"""

from collections.abc import Mapping

from . import tictactoe
from .contract import Kind, Position

__all__ = ["DEFAULT", "KINDS", "MOST_CELLS", "Kind", "Position"]

KINDS: Mapping[str, Kind] = {
    "tictactoe": tictactoe,
}
DEFAULT = "tictactoe"
# No kind has a cell of this number.
MOST_CELLS = max(kind.CELLS for kind in KINDS.values())
