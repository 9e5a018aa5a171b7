"""Everything that can be asked of a room, the passing of time included: a closed union.

Ids and times are handed in, so any history replays exactly.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .model import ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """Somebody comes: back, if ``resume`` is the secret of a row, else anew under the given ids."""

    connection_id: ConnectionId
    session_id: str
    owner: str
    resumable: bool
    watch: bool = False
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class FromSocket:
    """What a socket asks for. The generation tells whether the row still belongs to it."""

    connection_id: ConnectionId
    generation: int


@dataclass(frozen=True, slots=True)
class Disconnect(FromSocket):
    """The socket is gone; ``leaving`` says that its client closed it on purpose."""

    leaving: bool


@dataclass(frozen=True, slots=True)
class JoinLine(FromSocket):
    """A spectator wants to play."""


@dataclass(frozen=True, slots=True)
class LeaveLine(FromSocket):
    """Somebody wants to watch."""


@dataclass(frozen=True, slots=True)
class Rename(FromSocket):
    """Somebody takes a name, already cleaned; it is numbered if another's looks like it."""

    username: str


@dataclass(frozen=True, slots=True)
class MakeMove(FromSocket):
    """A player marks a cell, 0 to 8."""

    cell: int


@dataclass(frozen=True, slots=True)
class ReportGameOver(FromSocket):
    """A player says who lost, of the game with that number if one is given."""

    loser_id: ConnectionId
    game_number: int | None = None


@dataclass(frozen=True, slots=True)
class PassTime:
    """Whatever is due by now comes to pass."""


@dataclass(frozen=True, slots=True)
class HoldClocks:
    """Every deadline moves by so many seconds, in which the store could not be written."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Recover:
    """The server starts: rows whose owner is not among the living have lost their sockets."""

    living: Collection[str]


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Other hands have changed these rows; one whose socket is not here is absent.

    ``sockets`` are the sockets of the room: of which user, and the generation that it was given.
    """

    connection_ids: Collection[ConnectionId]
    sockets: Mapping[ConnectionId, int]


Command = (
    Enter
    | Disconnect
    | JoinLine
    | LeaveLine
    | Rename
    | MakeMove
    | ReportGameOver
    | PassTime
    | HoldClocks
    | Recover
    | Reconcile
)
