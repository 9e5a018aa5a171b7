"""The commands for a room, including the passing of time: a closed union.

Ids and times are passed in, so any history replays exactly.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .model import ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """A user enters: resumes the row with session id ``resume``, or adds one with these ids."""

    connection_id: ConnectionId
    session_id: str
    owner: str
    resumable: bool
    watch: bool = False
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class FromSocket:
    """A command from a socket. The generation tells whether the row still belongs to it."""

    connection_id: ConnectionId
    generation: int


@dataclass(frozen=True, slots=True)
class Disconnect(FromSocket):
    """The socket is gone; ``leaving`` is true if its client closed it on purpose."""

    leaving: bool


@dataclass(frozen=True, slots=True)
class JoinLine(FromSocket):
    """A spectator wants to play."""


@dataclass(frozen=True, slots=True)
class LeaveLine(FromSocket):
    """A player or waiting user wants to watch."""


@dataclass(frozen=True, slots=True)
class Rename(FromSocket):
    """A user sets a name, already cleaned; it gets a number if another name looks like it."""

    username: str


@dataclass(frozen=True, slots=True)
class MakeMove(FromSocket):
    """A player marks a cell, 0 to 8."""

    cell: int


@dataclass(frozen=True, slots=True)
class ReportGameOver(FromSocket):
    """A player reports the loser of the current game, whose number may be given."""

    loser_id: ConnectionId
    game_number: int | None = None


@dataclass(frozen=True, slots=True)
class PassTime:
    """Apply every deadline that has passed."""


@dataclass(frozen=True, slots=True)
class HoldClocks:
    """Postpone every deadline by the duration of an outage of the store."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Recover:
    """The server starts: a row whose owner is not in ``living`` has lost its socket."""

    living: Collection[str]


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Another writer has changed these rows; a user without a socket here is absent.

    ``sockets`` maps the users with a socket in the room to the generation of that socket.
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
