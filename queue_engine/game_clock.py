"""The clock of a game: the time for a move, and the pauses during absences.

The clock runs while both players are present; an absence stops it. All absences of one player stop
one game for at most twice the time for which a seat is held. After that the clock runs and moves
are accepted although the player is absent. A game without a clock ends once it has gone without a
move for long enough while somebody waits in line.
"""

from datetime import datetime, timedelta

from .house import HouseRules
from .model import Game, Marker, Room, User
from .transaction import Transaction, later

# A returning player gets at least this long (design, rule 5), once per move, in seconds. Otherwise
# short absences would stop the clock for ever.
OVERTIME = 5.0

# All absences of a player stop one game for at most this many times the time a seat is held.
ABSENCES = 2


def next_deadline(room: Room, house: HouseRules) -> datetime | None:
    """Return the earliest moment at which the passing of time alone changes something."""
    deadlines = [user.seat_until for user in room.active()]
    if room.absences:
        deadlines.append(room.absences[0][0])
    game = room.game
    if game is not None and game.playing:
        if not has_clock(room, game, house):
            deadlines.append(_idle_until(room, game, house))
        elif game.deadline is not None:
            deadlines.append(game.deadline)
        else:
            deadlines.append(_stands_until(room, game, house))
    return min((moment for moment in deadlines if moment is not None), default=None)


def has_clock(room: Room, game: Game, house: HouseRules) -> bool:
    """Return whether the moves of this game are timed.

    They are not between two seed clients, whose board is elsewhere: the server does not see their
    moves.
    """
    # Less than a microsecond rounds to zero, and the clock would expire before each move.
    timed = bool(timedelta(seconds=house.move_seconds))
    return timed and any(player.resumable for player in room.active())


def stands_still(room: Room, game: Game, house: HouseRules, now: datetime) -> bool:
    """Return whether the game waits for an absent player, with its moves and clock paused."""
    until = _stands_until(room, game, house)
    return until is not None and until > now


def charge_absences(tx: Transaction, game: Game, *players: User) -> Game:
    """Add the time the game has waited for these absent players; return the game.

    An absence is counted from the last move on, so call this before setting ``moved_at``, and when
    the player returns.
    """
    for player in players:
        since = _absent_since(game, player, tx.house)
        if since is None or player.marker is None:
            continue
        waited = max(tx.now - since, timedelta(0)).total_seconds() + game.waited(player.marker)
        # Round to microseconds, so that the number survives the stream's JSON unchanged.
        waited = round(min(waited, _longest_wait(tx.house)), 6)
        if player.marker is Marker.X:
            game = tx.update_game(game, x_waited=waited)
        else:
            game = tx.update_game(game, o_waited=waited)
    return game


def run_clock(tx: Transaction) -> None:
    """Start or stop the clock after players came or went."""
    room, house, game = tx.room, tx.house, tx.room.game
    if game is None or not game.playing:
        return
    runs = has_clock(room, game, house) and not stands_still(room, game, house, tx.now)
    own, granted = _time_to_move(game, house)
    if runs and game.deadline is None:
        tx.update_game(game, deadline=tx.after(granted))
    elif not runs and game.deadline is not None:
        left = max(game.deadline - tx.now, timedelta(0)).total_seconds() - (granted - own)
        tx.update_game(game, deadline=None, time_left=left)


def _time_to_move(game: Game, house: HouseRules) -> tuple[float, float]:
    """Return what is left of a move's own time, and how long the clock runs when it starts."""
    if game.time_left is None:
        return house.move_seconds, house.move_seconds
    # At most a move's time, since the wall clock may have gone back during a restart.
    own = min(game.time_left, house.move_seconds)
    return own, max(own, min(OVERTIME, own + OVERTIME, house.move_seconds))


def _stands_until(room: Room, game: Game, house: HouseRules) -> datetime | None:
    """Return when the game stops waiting for an absent player, if one is absent."""
    moments = []
    for player in room.active():
        since = _absent_since(game, player, house)
        if since is not None and player.marker is not None:
            left = _longest_wait(house) - game.waited(player.marker)
            moments.append(later(since, timedelta(seconds=left)))
    return max(moments, default=None)


def _absent_since(game: Game, player: User, house: HouseRules) -> datetime | None:
    """Return since when the game has been waiting for an absent player, if it is.

    After a restart of the server seats are held for longer. The player did not cause that absence,
    so only its last part, as long as a seat is normally held, is counted.
    """
    until = player.seat_until or player.absent_until
    if player.present or until is None:
        return None
    return max(game.moved_at, later(until, -timedelta(seconds=_seat_held(house))))


def _seat_held(house: HouseRules) -> float:
    return min(house.seat_seconds, house.resume_seconds)


def _longest_wait(house: HouseRules) -> float:
    return ABSENCES * _seat_held(house)


def _idle_until(room: Room, game: Game, house: HouseRules) -> datetime | None:
    """Return when a game without a clock ends, if somebody waits in line."""
    if not room.present_line or not timedelta(seconds=house.idle_seconds):
        return None
    seconds = house.idle_seconds
    if not all(player.present for player in room.active()):
        seconds += house.resume_seconds  # allow for a full absence, however late it began
    return later(game.moved_at, timedelta(seconds=seconds))
