"""Who is in a room, and what they play: frozen values, and the one mutable :class:`Room`.

A room is changed by nothing but the changes in `changes.py`. It keeps its users indexed, so that
no rule has to walk the line: finding a place in a line of ten thousand costs a binary search.
It knows neither the rules nor the wire nor the store.
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
    """Where a user stands; the spelling is that of the wire and of the table."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SPECTATOR = "spectator"


class Marker(StrEnum):
    """What a seated user draws."""

    X = "X"
    O = "O"

    @property
    def other(self) -> "Marker":
        """The opponent's marker."""
        return Marker.O if self is Marker.X else Marker.X


class GameStatus(StrEnum):
    """How a game stands, or how it ended."""

    PLAYING = "playing"
    WON = "won"
    DRAW = "draw"
    CONCEDED = "conceded"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person in one room.

    ``joined_at`` orders the line. An absent user has ``absent_until``, when the row is removed;
    one who is absent from a seat also has ``seat_until``, when the seat is given up.
    ``resumable`` tells a v1 client from one of the seed. ``owner`` is the process that holds the
    socket; ``generation`` grows with every resume, so that an old socket can be told from the new.
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
        """Whether a socket is there."""
        return self.absent_until is None


@dataclass(frozen=True, slots=True)
class Report:
    """That a player told the end of a game: kept into a rematch, to know the other's repeat."""

    loser: ConnectionId
    by: ConnectionId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """A game between two seated users; the last one stays on record until the next begins.

    It is of a ``kind`` and consists of its ``moves``; the player ``first`` makes the first of them.
    ``moved_at`` is when the game last made progress: a move, its own start, or the server's.
    Without a clock, also when the first person lined up behind it. While the clock runs there is a
    ``deadline``. Once the clock was stopped in this move there is ``time_left``: what was left of
    the time to move (seconds), negative in overtime. ``x_waited`` and ``o_waited`` say how long
    the game has stood still for that player's absences (seconds), a running absence excepted.
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
        """Whether it is still going on."""
        return self.status is GameStatus.PLAYING

    @property
    def turn(self) -> Marker | None:
        """Whose move it is, as long as the game goes on."""
        if not self.playing:
            return None
        return self.first if len(self.moves) % 2 == 0 else self.first.other

    @property
    def position(self) -> games.Position:
        """What lies on the board.

        Raises:
            ValueError: a move cannot have been made.
        """
        return games.KINDS[self.kind].position(self.moves, self.first)

    @property
    def line(self) -> tuple[int, ...] | None:
        """The line that won the game, if a line did."""
        return self.position.line if self.status is GameStatus.WON else None

    def player(self, marker: Marker) -> ConnectionId:
        """Return who plays that marker."""
        return self.x_id if marker is Marker.X else self.o_id

    def waited(self, marker: Marker) -> float:
        """Return for how long it has stood still for that player's absences, in seconds."""
        return self.x_waited if marker is Marker.X else self.o_waited


def _digest(session_id: str) -> bytes:
    return sha256(session_id.encode()).digest()


class Room:
    """Everybody in one lobby, indexed.

    ``line`` holds everybody who waits and ``present_line`` those of them who are there, both in
    line order; ``absences`` holds every absent user by the moment the row is removed.
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
        # Never taken back, not even by an undo: a time once given is not given again.
        self.latest_joined_at = datetime.min.replace(tzinfo=UTC)
        self.looks: dict[str, int] = {}  # how many names have this skeleton
        self._sessions: dict[bytes, ConnectionId] = {}

    def seated(self, marker: Marker) -> User | None:
        """Return who sits on that marker's seat."""
        connection_id = self.seats.get(marker)
        return None if connection_id is None else self.users[connection_id]

    def active(self) -> list[User]:
        """Return the seated users, X first."""
        return [user for marker in Marker if (user := self.seated(marker)) is not None]

    def position(self, user: User) -> int:
        """Return the place of a waiting user in the line, counted from 1."""
        return bisect_left(self.line, (user.joined_at, user.connection_id)) + 1

    def is_full(self, max_waiting: int) -> bool:
        """Tell whether nobody else may play or wait, with so many in line and two seated.

        A seat that is free while only the absent wait is for a newcomer to take.
        """
        return len(self.seats) + len(self.line) >= len(Marker) + max_waiting

    def by_session(self, session_id: str) -> User | None:
        """Return whose secret this is.

        The table is keyed by a digest, and the secret itself is compared in constant time, so the
        time an answer takes tells nothing about it.
        """
        connection_id = self._sessions.get(_digest(session_id))
        if connection_id is None:
            return None
        user = self.users[connection_id]
        same = hmac.compare_digest(user.session_id.encode(), session_id.encode())
        return user if same else None

    def looks_like_another(self, look: str, user: User) -> bool:
        """Tell whether somebody but this user has a name with that skeleton."""
        return self.looks.get(look, 0) > (look == _look(user))

    def put(self, user: User) -> None:
        """Add the user, or replace who has the same ``connection_id``."""
        self.drop(user.connection_id)
        self.users[user.connection_id] = user
        self._sessions[_digest(user.session_id)] = user.connection_id
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
        """Take everybody and the game away."""
        for connection_id in list(self.users):
            self.drop(connection_id)
        self.game = None

    def drop(self, connection_id: ConnectionId) -> None:
        """Take the user away, if there is one."""
        user = self.users.pop(connection_id, None)
        if user is None:
            return
        # An operator can give two users one session: it is then the later one's.
        if self._sessions.get(_digest(user.session_id)) == connection_id:
            del self._sessions[_digest(user.session_id)]
        if (look := _look(user)) is not None:
            self.looks[look] -= 1
            if not self.looks[look]:
                del self.looks[look]
        if user.status is Status.SPECTATOR:
            self.spectators -= 1
        elif user.marker is not None:
            # Catching up may replay an old seat; by then it can be somebody else's.
            if self.seats.get(user.marker) == connection_id:
                del self.seats[user.marker]
        else:
            _discard(self.line, (user.joined_at, connection_id))
            if user.present:
                _discard(self.present_line, (user.joined_at, connection_id))
        if user.absent_until is not None:
            _discard(self.absences, (user.absent_until, connection_id))


def _look(user: User) -> str | None:
    # A name that is longer was written by hand, and may be very long.
    return skeleton(user.username[:MAX_NAME]) if user.username is not None else None


def _discard(
    entries: list[tuple[datetime, ConnectionId]], entry: tuple[datetime, ConnectionId]
) -> None:
    del entries[bisect_left(entries, entry)]
