"""The house rules: a room, a command and a time in, changes out. No I/O, clock or randomness.

Newcomers join the end of the line; free seats are filled from its head, so nobody overtakes. The
loser goes to the end of the line and the winner keeps seat and marker; after a draw both go. A
deliberate close removes the user, and so does any disconnect of a seed client. Others keep their
place and seat for a while after losing the socket, and the game waits. One function per command.
"""

from datetime import datetime, timedelta

from . import games
from .changes import Change
from .commands import (
    Command,
    Disconnect,
    Enter,
    FromSocket,
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
from .game_clock import charge_absences, has_clock, next_deadline, stands_still
from .house import HouseRules
from .model import Game, GameStatus, Marker, Report, Room, Status, User
from .names import distinct
from .refusals import NoSuchUser, NotAllowed, NotNow
from .seats import (
    end_without_winner,
    finish,
    game_of_seated,
    reward,
    settle,
    win,
)
from .transaction import Transaction, later

# For how many seconds a second report of the same end counts as a repeat (design, rule 4).
REPEAT_SECONDS = 2.0


def play(room: Room, command: Command, now: datetime, house: HouseRules) -> tuple[Change, ...]:
    """Apply the command to the room and return what changed, in order.

    Raises:
        Refusal: the command is not allowed, or not now; the room is unchanged.
    """
    tx = Transaction(room, now, house)
    try:
        _dispatch(tx, command)
        settle(tx)
    except BaseException:
        tx.undo()
        raise
    return tuple(tx.changes)


def gives_up_row(user: User, *, leaving: bool) -> bool:
    """Return whether the row is removed with the socket: on leaving, or for a seed client."""
    return leaving or not user.resumable


def _dispatch(tx: Transaction, command: Command) -> None:
    match command:
        case Enter():
            _enter(tx, command)
        case Disconnect():
            _disconnect(tx, command)
        case JoinLine():
            _join_line(tx, command)
        case LeaveLine():
            _leave_line(tx, command)
        case Rename():
            _rename(tx, command)
        case MakeMove():
            _make_move(tx, command)
        case ReportGameOver():
            _report_game_over(tx, command)
        case PassTime():
            _pass_time(tx)
        case HoldClocks():
            _hold_clocks(tx, timedelta(seconds=command.seconds))
        case Recover():
            _recover(tx, command)
        case Reconcile():
            _reconcile(tx, command)


def _sender(tx: Transaction, command: FromSocket) -> User:
    user = tx.room.users.get(command.connection_id)
    if user is None:
        raise NoSuchUser("you are not in this room any more")
    if user.generation != command.generation:
        raise NotNow("your place was resumed from another connection")
    return user


def _enter(tx: Transaction, command: Enter) -> None:
    old = tx.room.by_session(command.resume) if command.resume is not None else None
    if old is not None:
        tx.update(
            old,
            owner=command.owner,
            resumable=command.resumable,
            generation=old.generation + 1,
            absent_until=None,
            seat_until=None,
        )
        game = game_of_seated(tx)
        if game is not None:
            charge_absences(tx, game, old)
        return
    if not command.watch:
        _check_line(tx)
    tx.add(
        User(
            connection_id=command.connection_id,
            session_id=command.session_id,
            status=Status.SPECTATOR if command.watch else Status.INACTIVE,
            joined_at=tx.next_joined_at(),
            resumable=command.resumable,
            owner=command.owner,
        )
    )


def _disconnect(tx: Transaction, command: Disconnect) -> None:
    user = tx.room.users.get(command.connection_id)
    # Ignore the late close of an older socket: only the current one may remove the row.
    if user is None or user.generation != command.generation:
        return
    if gives_up_row(user, leaving=command.leaving):
        tx.remove(user)
    else:
        _make_absent(tx, user, tx.house.seat_seconds)


def _join_line(tx: Transaction, command: JoinLine) -> None:
    user = _sender(tx, command)
    if user.status is Status.SPECTATOR:
        _check_line(tx)
        tx.to_end_of_line(user)


def _check_line(tx: Transaction) -> None:
    if tx.room.is_full(tx.house.max_waiting):
        raise NotNow("the line is full; try again later")


def _leave_line(tx: Transaction, command: LeaveLine) -> None:
    user = _sender(tx, command)
    game = game_of_seated(tx)
    marker = user.marker
    if game is not None and marker is not None:
        finish(tx, game, GameStatus.CONCEDED, winner=marker.other)
    tx.update(user, status=Status.SPECTATOR, marker=None, seated_at=None, seat_until=None, streak=0)
    if game is not None and marker is not None:
        reward(tx, marker.other)


def _rename(tx: Transaction, command: Rename) -> None:
    user = _sender(tx, command)
    name = distinct(
        command.username, user.username, lambda look: tx.room.looks_like_another(look, user)
    )
    tx.update(user, username=name)


def _make_move(tx: Transaction, command: MakeMove) -> None:
    user = _sender(tx, command)
    if user.marker is None:
        raise NotAllowed("you are not seated")
    game = game_of_seated(tx)
    if game is None:
        raise NotNow("there is no game yet: the other seat is empty")
    if game.turn is not user.marker:
        raise NotNow("it is not your turn")
    kind = games.KINDS[game.kind]
    if not 0 <= command.cell < kind.CELLS:
        raise NotNow(f"this game has no cell {command.cell}")
    if not kind.is_free(game.moves, command.cell):
        raise NotNow(f"cell {command.cell} is taken")
    if stands_still(tx.room, game, tx.house, tx.now):
        raise NotNow("a player is absent: the game waits")

    game = charge_absences(tx, game, *tx.room.active())
    tx.update_game(
        game,
        moves=(*game.moves, command.cell),
        moved_at=tx.now,
        deadline=None,
        time_left=None,
        report=None,
    )
    moved = _playing(tx)
    position = moved.position
    if position.winner is not None:
        win(tx, moved, GameStatus.WON, Marker(position.winner))
    elif position.is_over:
        end_without_winner(tx, moved, GameStatus.DRAW)


def _report_game_over(tx: Transaction, command: ReportGameOver) -> None:
    sender = _sender(tx, command)
    if sender.marker is None:
        raise NotAllowed("you are not seated: only a player reports the end of a game")
    loser = tx.room.users.get(command.loser_id)
    if loser is None:
        raise NoSuchUser("there is no such user in this room")
    game = game_of_seated(tx)
    if game is None:
        raise NotNow("there is no game to report")
    if _is_repeat(tx, game, sender, command):
        tx.update_game(game, report=None)
        return
    if command.game_number is not None and command.game_number != game.number:
        raise NotNow(f"that is not the game being played: this is game {game.number}")
    if loser.marker is None:
        raise NotNow(f"{loser.connection_id} is not active; {game.x_id} and {game.o_id} are")
    if loser.connection_id != sender.connection_id:
        _check_claim(sender, loser)

    conceded = loser.connection_id == sender.connection_id
    win(
        tx,
        game,
        GameStatus.CONCEDED if conceded else GameStatus.WON,
        loser.marker.other,
        report=Report(loser.connection_id, sender.connection_id, tx.now),
    )


def _is_repeat(tx: Transaction, game: Game, sender: User, command: ReportGameOver) -> bool:
    """Return whether this is the other player's report of an end that is already recorded."""
    report = game.report
    return (
        command.game_number is None
        and report is not None
        and report.loser == command.loser_id
        and report.by != sender.connection_id
        and tx.now - report.at <= timedelta(seconds=REPEAT_SECONDS)
    )


def _check_claim(sender: User, loser: User) -> None:
    # Two seed clients keep the board themselves; the server has the board of every other game.
    if sender.resumable or loser.resumable:
        raise NotNow("the board decides this game: only the loser can report its end")
    if not loser.present:
        raise NotNow(f"{loser.connection_id} is absent: the game waits")


def _make_absent(tx: Transaction, user: User, seat_seconds: float) -> None:
    place = tx.after(tx.house.resume_seconds)
    seat = min(tx.after(seat_seconds), place) if user.marker is not None else None
    tx.update(user, absent_until=place, seat_until=seat)


def _pass_time(tx: Transaction) -> None:
    """Apply every deadline that has passed, earliest first."""
    room = tx.room
    while (due := next_deadline(room, tx.house)) is not None and due <= tx.now:
        game = game_of_seated(tx)
        seat_lost = next((u for u in room.active() if u.seat_until == due), None)
        if game is not None and game.turn is not None and game.deadline == due:
            win(tx, game, GameStatus.TIMEOUT, game.turn.other)
        elif seat_lost is not None:
            _give_up_seat(tx, game, seat_lost)
        elif room.absences and room.absences[0][0] == due:
            tx.remove(room.users[room.absences[0][1]])
        elif game is not None and not has_clock(room, game, tx.house):
            end_without_winner(tx, game, GameStatus.ABANDONED)  # others are waiting
        # Otherwise the wait for an absent player is over, and settle() starts the clock.
        settle(tx)


def _give_up_seat(tx: Transaction, game: Game | None, absent: User) -> None:
    if game is None or absent.marker is None:
        tx.to_end_of_line(absent)
    elif any(player.present for player in tx.room.active()):
        win(tx, game, GameStatus.ABANDONED, absent.marker.other)
    else:
        end_without_winner(tx, game, GameStatus.ABANDONED)


def _hold_clocks(tx: Transaction, by: timedelta) -> None:
    game = game_of_seated(tx)
    if game is not None:
        deadline = later(game.deadline, by) if game.deadline is not None else None
        tx.update_game(game, deadline=deadline, moved_at=later(game.moved_at, by))
    for _, connection_id in list(tx.room.absences):
        user = tx.room.users[connection_id]
        if user.absent_until is not None:
            seat = later(user.seat_until, by) if user.seat_until is not None else None
            tx.update(user, absent_until=later(user.absent_until, by), seat_until=seat)


def _recover(tx: Transaction, command: Recover) -> None:
    gone = [user for user in tx.room.users.values() if user.owner not in command.living]
    for user in gone:
        if user.resumable:
            tx.update(user, absent_until=None, seat_until=None)
        else:
            tx.remove(user)
    # Fill the seats as if all users were present: any of them may still reconnect.
    settle(tx)
    game = game_of_seated(tx)
    if gone and game is not None:
        tx.update_game(game, moved_at=tx.now)  # nobody could move while the server was down
    for user in gone:
        current = tx.room.users.get(user.connection_id)
        if current is not None:
            # Clients reconnect at random times, so this once seats are held as long as places.
            _make_absent(tx, current, tx.house.resume_seconds)


def _reconcile(tx: Transaction, command: Reconcile) -> None:
    for connection_id in command.connection_ids:
        user = tx.room.users.get(connection_id)
        if user is None or not user.present:
            continue
        if command.sockets.get(connection_id) != user.generation:
            _make_absent(tx, user, tx.house.seat_seconds)


def _playing(tx: Transaction) -> Game:
    game = game_of_seated(tx)
    assert game is not None, "a game is being played here"
    return game
