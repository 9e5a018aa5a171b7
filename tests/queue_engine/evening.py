"""An evening in one room without sockets or clocks: the test says what happens and when.

Every command is checked on its way: undone and played again it must leave the same room, and its
changes, taken through the store's items, must rebuild it.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from queue_engine.changes import Change, GameChange, UserChange, apply, undo
from queue_engine.commands import (
    Command,
    Disconnect,
    Enter,
    HoldClocks,
    JoinLine,
    LeaveLine,
    MakeMove,
    PassTime,
    Reconcile,
    Recover,
    Rename,
    ReportGameOver,
)
from queue_engine.game_clock import next_deadline
from queue_engine.house import HouseRules
from queue_engine.items import to_change, to_item_change
from queue_engine.model import ConnectionId, Game, Marker, Room, Status, User
from queue_engine.refusals import Refusal
from queue_engine.rules import play

OWNER = "this process"

# Cells in the order in which the players mark them, X first.
X_WINS = (0, 3, 1, 4, 2)
O_WINS = (0, 3, 1, 4, 8, 5)
DRAW = (0, 1, 2, 4, 3, 5, 7, 6, 8)


def state(room: Room) -> object:
    """Return everything there is to know of a room, its indexes included."""
    return (
        dict(room.users),
        room.game,
        dict(room.seats),
        list(room.line),
        list(room.present_line),
        list(room.absences),
        room.spectators,
        dict(room.looks),
    )


def read_back(change: Change) -> Change:
    """Return the change as the stream brings it."""
    again = to_change(to_item_change("lobby", change))
    assert again == change, "the stream says what happened"
    return again


def rebuilt(room: Room) -> Room:
    """Return a room with the same users and game, indexed anew."""
    fresh = Room(room.name)
    for user in room.users.values():
        fresh.put(user)
    fresh.game = room.game
    return fresh


class Evening:
    """A room, the time it is, and what people do there; users are called by short names."""

    def __init__(self, house: HouseRules | None = None) -> None:
        self.house = house or HouseRules()
        self.room = Room("lobby")
        self.mirror = Room("lobby")
        self.now = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
        self.games: list[Game] = []
        self.sockets: dict[ConnectionId, int] = {}
        self._changes: list[Change] = []

    def play(self, command: Command) -> tuple[Change, ...]:
        """Play a command, and check what holds for every one."""
        before = state(self.room)
        try:
            changes = play(self.room, command, self.now, self.house)
        except Refusal:
            assert state(self.room) == before, "a refused command changes nothing"
            raise
        after = state(self.room)
        undo(self.room, changes)
        assert state(self.room) == before, "undo is exact"
        apply(self.room, changes)
        assert state(self.room) == after, "changes replay exactly"
        assert state(rebuilt(self.room)) == after, "the indexes are right"
        apply(self.mirror, map(read_back, changes))
        assert state(self.mirror) == after, "the stream rebuilds the room"
        self._changes += changes
        self._note_socket(command, changes)
        for change in changes:
            if isinstance(change.new, Game) and not change.new.playing:
                self.games.append(change.new)
        return changes

    def _note_socket(self, command: Command, changes: tuple[Change, ...]) -> None:
        match command, changes:
            case Enter(), (UserChange(new=User() as user), *_):
                self.sockets[user.connection_id] = user.generation
            case Disconnect(connection_id=gone), _:
                if self.sockets.get(gone) == command.generation:
                    del self.sockets[gone]
            case Recover(living=()), _:
                self.sockets.clear()

    def take_changes(self) -> list[Change]:
        """Return what has changed since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def delete(self, *names: str) -> None:
        """Delete rows by other hands; the room hears of it by the stream."""
        for name in names:
            user = self.room.users.get(ConnectionId(name))
            if user is not None:
                self._by_other_hands(UserChange(user, None))
        self.play(Reconcile([ConnectionId(name) for name in names], self.sockets))

    def edit(self, name: str, **attributes: Any) -> None:
        """Change a row by other hands."""
        user = self.user(name)
        self._by_other_hands(UserChange(user, replace(user, **attributes)))
        self.play(Reconcile([ConnectionId(name)], self.sockets))

    def insert(self, name: str, **attributes: Any) -> None:
        """Insert a row by other hands, as the table's defaults would have it."""
        user = User(
            connection_id=ConnectionId(name),
            session_id=f"secret of {name}",
            status=Status.INACTIVE,
            joined_at=self.now,
        )
        self._by_other_hands(UserChange(None, replace(user, **attributes)))
        self.play(Reconcile([ConnectionId(name)], self.sockets))

    def edit_game(self, **attributes: Any) -> None:
        """Change the game by other hands."""
        self._by_other_hands(GameChange(self.game, replace(self.game, **attributes)))
        self.play(Reconcile([], self.sockets))

    def delete_game(self) -> None:
        """Delete the game by other hands."""
        if self.room.game is not None:
            self._by_other_hands(GameChange(self.room.game, None))
        self.play(Reconcile([], self.sockets))

    def _by_other_hands(self, change: Change) -> None:
        for room in (self.room, self.mirror):
            apply(room, [read_back(change)])
        self._changes.append(change)

    def enter(self, *names: str, seed: bool = False, watch: bool = False) -> None:
        """Let new people come, one after the other."""
        for name in names:
            self.play(
                Enter(
                    connection_id=ConnectionId(name),
                    session_id=f"secret of {name}",
                    owner=OWNER,
                    resumable=not seed,
                    watch=watch,
                )
            )

    def come_back(self, *names: str) -> None:
        """Let people resume, one after the other."""
        for name in names:
            self.play(
                Enter(
                    connection_id=ConnectionId(f"{name} again"),
                    session_id=f"another secret of {name}",
                    owner=OWNER,
                    resumable=True,
                    resume=f"secret of {name}",
                )
            )

    def vanish(self, *names: str) -> None:
        """Lose the network of people, one after the other."""
        for name in names:
            self.disconnect(self.socket(name))

    def disconnect(self, socket: tuple[ConnectionId, int]) -> None:
        """Let a socket break, whoever's it is by now."""
        self.play(Disconnect(*socket, leaving=False))

    def go(self, name: str) -> None:
        """Let somebody close the page."""
        self.play(Disconnect(*self.socket(name), leaving=True))

    def join_line(self, name: str) -> None:
        """Let a spectator join the line."""
        self.play(JoinLine(*self.socket(name)))

    def leave_line(self, name: str) -> None:
        """Let somebody become a spectator."""
        self.play(LeaveLine(*self.socket(name)))

    def rename(self, name: str, username: str) -> None:
        """Let somebody take a name."""
        self.play(Rename(*self.socket(name), username))

    def move(self, name: str, *cells: int) -> None:
        """Let a player mark a cell."""
        for cell in cells:
            self.play(MakeMove(*self.socket(name), cell))

    def move_from(self, socket: tuple[ConnectionId, int], cell: int) -> None:
        """Let a socket speak, whoever's it is by now."""
        self.play(MakeMove(*socket, cell))

    def moves(self, *cells: int) -> None:
        """Let the players mark cells in turn."""
        for cell in cells:
            game = self.room.game
            assert game is not None
            assert game.turn is not None
            self.move(game.player(game.turn), cell)

    def report(self, name: str, loser: str, game: int | None = None) -> None:
        """Let somebody say who lost."""
        self.play(ReportGameOver(*self.socket(name), ConnectionId(loser), game))

    def wait(self, seconds: float) -> None:
        """Let time pass, and what is due come to pass."""
        self.tick(seconds)
        self.play(PassTime())

    def live(self, seconds: float) -> None:
        """Let time pass, and look whenever something is due, as the room's task does."""
        end = self.now + timedelta(seconds=seconds)
        while (due := next_deadline(self.room, self.house)) is not None and due <= end:
            self.now = max(self.now, due)
            self.play(PassTime())
        self.now = end
        self.play(PassTime())

    def tick(self, seconds: float) -> None:
        """Let time pass that nobody has looked at yet."""
        self.now += timedelta(seconds=seconds)

    def hold(self, seconds: float) -> None:
        """Let time pass in which the store is down."""
        self.tick(seconds)
        self.play(HoldClocks(seconds))

    def restart(self) -> None:
        """Let the server start anew: nobody has a socket."""
        self.play(Recover(living=()))

    def user(self, name: str) -> User:
        """Return somebody's row."""
        return self.room.users[ConnectionId(name)]

    @property
    def game(self) -> Game:
        """The game that is played or was played last."""
        assert self.room.game is not None
        return self.room.game

    @property
    def seats(self) -> str:
        """Who sits where, as ``X O``; ``-`` is a free seat."""
        x, o = (self.room.seats.get(marker, "-") for marker in Marker)
        return f"{x} {o}"

    @property
    def line(self) -> str:
        """Who waits, in order."""
        return " ".join(connection_id for _, connection_id in self.room.line)

    @property
    def order(self) -> str:
        """Who plays and who waits, in line order: what clients see."""
        players = (u for u in self.room.users.values() if u.status is not Status.SPECTATOR)
        ordered = sorted(players, key=lambda user: user.joined_at)
        return " ".join(user.connection_id for user in ordered)

    @property
    def seconds_to_move(self) -> float | None:
        """What is left on the clock of the game, if it runs."""
        deadline = self.game.deadline
        return (deadline - self.now).total_seconds() if deadline is not None else None

    @property
    def last_result(self) -> tuple[str, str | None]:
        """How the last game ended, and who won it."""
        game = self.games[-1]
        return game.status.value, game.player(game.winner) if game.winner else None

    def socket(self, name: str) -> tuple[ConnectionId, int]:
        """Return what a command says of where it comes from."""
        connection_id = ConnectionId(name)
        user = self.room.users.get(connection_id)
        return connection_id, user.generation if user else 0


def evening_with(*names: str, house: HouseRules | None = None, seed: bool = False) -> Evening:
    """Return an evening to which these people have come."""
    evening = Evening(house)
    evening.enter(*names, seed=seed)
    return evening


def be_away(evening: Evening, name: str, seconds: float) -> None:
    """Let somebody be absent for that long in all, never for so long that the seat is lost."""
    while seconds > 0:
        evening.vanish(name)
        evening.wait(min(seconds, 14.0))
        evening.come_back(name)
        seconds -= 14.0
