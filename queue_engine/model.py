"""The users of a room and their game: frozen values, and the one mutable :class:`Room`.

Only the changes in `changes.py` change a room. It keeps its users indexed, so that no rule has to
walk the line: finding a position in a line of ten thousand costs a binary search.
It does not know the rules, the wire or the store.
"""

import hmac
from bisect import bisect_left, insort
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import NewType

from . import games
from .names import MAX_NAME, skeleton

ConnectionId = NewType("ConnectionId", str)


class Status(StrEnum):
    """The role of a user in the room, spelt as on the wire and in the table."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SPECTATOR = "spectator"


class Marker(StrEnum):
    """The mark that a seated user draws."""

    X = "X"
    O = "O"

    @property
    def other(self) -> "Marker":
        """The opponent's marker."""
        return Marker.O if self is Marker.X else Marker.X


class GameStatus(StrEnum):
    """Whether a game is being played, or how it ended."""

    PLAYING = "playing"
    WON = "won"
    DRAW = "draw"
    CONCEDED = "conceded"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person in one room.

    ``joined_at`` orders the line. The row of an absent user is removed at ``absent_until``; an
    absent player also loses the seat at ``seat_until``. ``resumable`` is true for a v1 client and
    false for a seed client. ``owner`` is the process that holds the socket. ``generation`` grows
    with every resume, which tells the current socket from an older one.
    """

    connection_id: ConnectionId
    session_id: str
    status: Status
    joined_at: datetime
    username: str | None = None
    marker: Marker | None = None
    seated_at: datetime | None = None
    streak: int = 0
    resumable: bool = True
    absent_until: datetime | None = None
    seat_until: datetime | None = None
    owner: str = ""
    generation: int = 0

    @property
    def present(self) -> bool:
        """Whether the user has a socket."""
        return self.absent_until is None


@dataclass(frozen=True, slots=True)
class Report:
    """A player's report of a game's end, kept into a rematch to recognise the other's repeat."""

    loser: ConnectionId
    by: ConnectionId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """A game between two seated users; a room keeps its last game until the next one starts.

    The ``moves`` of a game of this ``kind`` determine its position; ``first`` makes the first move.
    ``moved_at`` is when the game last made progress: a move, its own start, or the server's.
    Without a clock, also when the first person lined up behind it. ``deadline`` is set
    while the clock runs. ``time_left`` is set once the clock has been stopped during this move: the
    seconds that were left to move, negative in overtime. ``x_waited`` and ``o_waited`` are how long
    the game has stood still for that player's absences, in seconds, without a current absence.
    """

    number: int
    kind: str = games.DEFAULT
    moves: tuple[int, ...] = ()
    first: Marker = Marker.X
    x_id: ConnectionId
    o_id: ConnectionId
    status: GameStatus = GameStatus.PLAYING
    winner: Marker | None = None
    moved_at: datetime
    deadline: datetime | None = None
    time_left: float | None = None
    x_waited: float = 0.0
    o_waited: float = 0.0
    report: Report | None = None

    @property
    def playing(self) -> bool:
        """Whether the game is still going on."""
        return self.status is GameStatus.PLAYING

    @property
    def turn(self) -> Marker | None:
        """The marker that moves next, or None once the game is over."""
        if not self.playing:
            return None
        return self.first if len(self.moves) % 2 == 0 else self.first.other

    @property
    def position(self) -> games.Position:
        """The position on the board.

        Raises:
            ValueError: one of the moves is not possible.
        """
        return games.KINDS[self.kind].position(self.moves, self.first)

    @property
    def line(self) -> tuple[int, ...] | None:
        """The winning line, if the game was won by one."""
        return self.position.line if self.status is GameStatus.WON else None

    def player(self, marker: Marker) -> ConnectionId:
        """Return the player with that marker."""
        return self.x_id if marker is Marker.X else self.o_id

    def waited(self, marker: Marker) -> float:
        """Return how long the game has stood still for that player's absences, in seconds."""
        return self.x_waited if marker is Marker.X else self.o_waited


def _digest(session_id: str) -> bytes:
    return sha256(session_id.encode()).digest()


class Room:
    """The users of one room, indexed, and their game.

    ``line`` holds all waiting users and ``present_line`` only the present ones, both in line order.
    ``absences`` holds all absent users, ordered by the time their row is removed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.users: dict[ConnectionId, User] = {}
        self.game: Game | None = None
        self.seats: dict[Marker, ConnectionId] = {}
        self.line: list[tuple[datetime, ConnectionId]] = []
        self.present_line: list[tuple[datetime, ConnectionId]] = []
        self.absences: list[tuple[datetime, ConnectionId]] = []
        self.spectators = 0
        # Never lowered, not even by an undo, so that no time is given twice.
        self.latest_joined_at = datetime.min.replace(tzinfo=UTC)
        self.looks: dict[str, int] = {}  # the number of names with each skeleton
        self._sessions: dict[bytes, ConnectionId] = {}
        self._digests: dict[ConnectionId, bytes] = {}

    def seated(self, marker: Marker) -> User | None:
        """Return the user on that marker's seat."""
        connection_id = self.seats.get(marker)
        return None if connection_id is None else self.users[connection_id]

    def active(self) -> list[User]:
        """Return the seated users, X first."""
        return [user for marker in Marker if (user := self.seated(marker)) is not None]

    def position(self, user: User) -> int:
        """Return the position of a waiting user in the line, counted from 1."""
        return bisect_left(self.line, (user.joined_at, user.connection_id)) + 1

    def is_full(self, max_waiting: int) -> bool:
        """Return whether the seats and a line of ``max_waiting`` users leave no room for another.

        A free seat counts as room: a newcomer may take it when all waiting users are absent.
        """
        return len(self.seats) + len(self.line) >= len(Marker) + max_waiting

    def by_session(self, session_id: str) -> User | None:
        """Return the user with this session id.

        The table is keyed by a digest and the session id is compared in constant time, so response
        times reveal nothing about it.
        """
        connection_id = self._sessions.get(_digest(session_id))
        if connection_id is None:
            return None
        user = self.users[connection_id]
        same = hmac.compare_digest(user.session_id.encode(), session_id.encode())
        return user if same else None

    def looks_like_another(self, look: str, user: User) -> bool:
        """Return whether another user has a name with that skeleton."""
        return self.looks.get(look, 0) > (look == _look(user))

    def put(self, user: User) -> None:
        """Add the user, replacing any user with the same ``connection_id``."""
        self.drop(user.connection_id)
        self.users[user.connection_id] = user
        digest = self._digests[user.connection_id] = _digest(user.session_id)
        self._sessions[digest] = user.connection_id
        self.latest_joined_at = max(self.latest_joined_at, user.joined_at)
        if (look := _look(user)) is not None:
            self.looks[look] = self.looks.get(look, 0) + 1
        if user.status is Status.SPECTATOR:
            self.spectators += 1
        elif user.marker is not None:
            self.seats[user.marker] = user.connection_id
        else:
            insort(self.line, (user.joined_at, user.connection_id))
            if user.present:
                insort(self.present_line, (user.joined_at, user.connection_id))
        if user.absent_until is not None:
            insort(self.absences, (user.absent_until, user.connection_id))

    def clear(self) -> None:
        """Remove all users and the game."""
        for connection_id in list(self.users):
            self.drop(connection_id)
        self.game = None

    def drop(self, connection_id: ConnectionId) -> None:
        """Remove the user, if there is one."""
        user = self.users.pop(connection_id, None)
        if user is None:
            return
        # An operator can give two users the same session id; it then belongs to the one put last.
        digest = self._digests.pop(connection_id)
        if self._sessions.get(digest) == connection_id:
            del self._sessions[digest]
        if (look := _look(user)) is not None:
            self.looks[look] -= 1
            if not self.looks[look]:
                del self.looks[look]
        if user.status is Status.SPECTATOR:
            self.spectators -= 1
        elif user.marker is not None:
            # Catching up can replay an old seating after another user has taken the seat.
            if self.seats.get(user.marker) == connection_id:
                del self.seats[user.marker]
        else:
            _discard(self.line, (user.joined_at, connection_id))
            if user.present:
                _discard(self.present_line, (user.joined_at, connection_id))
        if user.absent_until is not None:
            _discard(self.absences, (user.absent_until, connection_id))


def _look(user: User) -> str | None:
    # Only a name set by hand in the store can be longer than this, and then by any length.
    return skeleton(user.username[:MAX_NAME]) if user.username is not None else None


def _discard(
    entries: list[tuple[datetime, ConnectionId]], entry: tuple[datetime, ConnectionId]
) -> None:
    del entries[bisect_left(entries, entry)]
