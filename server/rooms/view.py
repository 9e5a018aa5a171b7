"""A room as last announced: the frames for newcomers, and the frames for each change.

A :class:`View` is built from the stream alone, so it is never ahead of the store. It turns batches
of the stream into frames; the channel decides which sockets get them. It does not know sockets.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from queue_engine.changes import Change, GameChange, apply
from queue_engine.items import Committed
from queue_engine.model import ConnectionId, Game, Room
from server.wire import messages

# A v1 client sees both players and this many waiting users (design, 4.2).
WINDOW = 100


@dataclass(frozen=True, slots=True)
class News:
    """The effect of some batches of the stream on the followers of a room.

    ``ended`` holds the games that ended. ``delta`` is the frame with the changes in the window.
    ``list_changed`` is true if seed clients need a new list, ``game_changed`` if all followers need
    the current game. ``touched`` holds the ids of the users whose rows changed.
    """

    ended: list[Game]
    delta: bytes | None
    list_changed: bool
    game_changed: bool
    touched: frozenset[ConnectionId]


class View:
    """One room as its followers see it."""

    def __init__(self, name: str) -> None:
        self.room = Room(name)
        self.sequence = 0
        self._users: dict[ConnectionId, bytes] = {}
        self._window: dict[ConnectionId, bytes] = {}
        self._counts = (0, 0)
        self._game = messages.game_update(None)
        self._watched = False
        self._snapshot: bytes | None = None
        self._whole_list: bytes | None = None

    def take_in(self, batches: Iterable[Committed]) -> News:
        """Apply the batches to the view and return what changed."""
        touched: set[ConnectionId] = set()
        # Collected from the changes, because several games can end in one batch.
        ended: list[Game] = []
        for committed in batches:
            if committed.whole:
                touched |= self.room.users.keys()
                self.room.clear()
            apply(self.room, committed.changes)
            touched |= committed.touched
            ended += filter(None, map(_ended, committed.changes))
            self.sequence = committed.sequence
        for connection_id in touched:
            self._users.pop(connection_id, None)
        if not self._watched:
            return News(ended, None, False, False, frozenset(touched))
        list_changed, delta = self._refresh_list(touched) if touched else (False, None)
        return News(ended, delta, list_changed, self._refresh_game(ended), frozenset(touched))

    def watch(self) -> None:
        """Encode frames from now on; before the first call, none are encoded."""
        if not self._watched:
            self._watched = True
            self._refresh_list(set(self.room.users))
            self._refresh_game([])

    def snapshot(self) -> bytes:
        """Return the window as one frame, encoded once for all newcomers between two changes."""
        if self._snapshot is None:
            users = self._window.values()
            self._snapshot = messages.queue_update(self.sequence, *self._counts, users)
        return self._snapshot

    def whole_list(self) -> bytes:
        """Return all players and waiting users as one frame, as seed clients expect."""
        if self._whole_list is None:
            users = map(self._encoded, self._ordered(len(self.room.line)))
            self._whole_list = messages.queue_update(self.sequence, *self._counts, users)
        return self._whole_list

    def game(self) -> bytes:
        """Return the frame of the current game, or of its absence."""
        return self._game

    def is_beyond_window(self, position: int) -> bool:
        """Return whether a user at this position is outside the window."""
        return position > WINDOW

    def _refresh_list(self, touched: set[ConnectionId]) -> tuple[bool, bytes | None]:
        window = {user_id: self._encoded(user_id) for user_id in self._ordered(WINDOW)}
        counts = (len(self.room.line), self.room.spectators)
        old, self._window = self._window, window
        counts_changed, self._counts = counts != self._counts, counts
        upsert = [user for user_id, user in window.items() if old.get(user_id) != user]
        remove = [user_id for user_id in old if user_id not in window]
        self._snapshot = self._whole_list = None
        if not (upsert or remove or counts_changed):
            # Either a user beyond the window changed, or nothing visible did.
            return self._beyond_window(touched), None
        return True, messages.queue_delta(self.sequence, *counts, upsert, remove)

    def _beyond_window(self, touched: set[ConnectionId]) -> bool:
        return any(user_id not in self._window for user_id in touched)

    def _refresh_game(self, ended: list[Game]) -> bool:
        game = self.room.game
        current = messages.game_update(game if game is not None and game.playing else None)
        changed = bool(ended) or current != self._game
        self._game = current
        return changed

    def _ordered(self, waiting: int) -> list[ConnectionId]:
        """Return both players and the first ``waiting`` users of the line, in line order."""
        order: list[tuple[Any, ConnectionId]] = self.room.line[:waiting]
        for user in self.room.active():
            insort(order, (user.joined_at, user.connection_id))
        return [user_id for _, user_id in order]

    def _encoded(self, user_id: ConnectionId) -> bytes:
        encoded = self._users.get(user_id)
        if encoded is None:
            encoded = self._users[user_id] = messages.user_json(self.room.users[user_id])
        return encoded


def _ended(change: Change) -> Game | None:
    """Return the game that this change ended, if any."""
    if not isinstance(change, GameChange) or change.old is None or change.new is None:
        return None
    return change.new if change.old.playing and not change.new.playing else None
