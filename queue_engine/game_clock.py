"""How long a game waits: the time to move, what stops it, and for how long.

The time to move runs while both players are present, and an absence stops it. All absences of one
player stop one game for no longer than twice the time for which a seat is held. After that its
clock runs on and moves are taken, although the player is absent. A game without a clock ends once
it has gone without a move for long enough while somebody stands in line.
"""

from datetime import datetime, timedelta

from .house import HouseRules
from .model import Game, Marker, Room, User
from .transaction import Transaction, later

# A returning player gets at least this long (design, rule 5), once per move, in seconds. Otherwise
# short absences would stop the clock for ever.
OVERTIME = 5.0

# So many times the time for which a seat is held, all absences of a player may stop one game.
ABSENCES = 2


def next_deadline(room: Room, house: HouseRules) -> datetime | None:
    """Return the earliest moment at which the mere passing of time changes something."""
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
    """Tell whether moves of this game are timed: not between two seed clients.

    Their board lives elsewhere, so the server cannot see them move.
    """
    # Less than a microsecond is no clock: it would be over before it began, for ever.
    timed = bool(timedelta(seconds=house.move_seconds))
    return timed and any(player.resumable for player in room.active())


def stands_still(room: Room, game: Game, house: HouseRules, now: datetime) -> bool:
    """Tell whether the game waits for an absent player: no move is taken, no clock runs."""
    until = _stands_until(room, game, house)
    return until is not None and until > now


def charge_absences(tx: Transaction, game: Game, *players: User) -> Game:
    """Add to the game how long it has stood still for these players' absences; return it.

    An absence is counted from the last move on, so it has to be charged before ``moved_at`` is
    set, and when the player returns.
    """
    for player in players:
        since = _absent_since(game, player, tx.house)
        if since is None or player.marker is None:
            continue
        waited = max(tx.now - since, timedelta(0)).total_seconds() + game.waited(player.marker)
        # To the microsecond, so that the number comes back from the stream's JSON as it was.
        waited = round(min(waited, _longest_wait(tx.house)), 6)
        if player.marker is Marker.X:
            game = tx.update_game(game, x_waited=waited)
        else:
            game = tx.update_game(game, o_waited=waited)
    return game


def run_clock(tx: Transaction) -> None:
    """Start the clock or stop it, as the players come and go."""
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
    """Return what is left of a move's own time, and for how long the clock runs when it starts."""
    if game.time_left is None:
        return house.move_seconds, house.move_seconds
    # Never more than a move's time: the wall clock may have gone back in a restart.
    own = min(game.time_left, house.move_seconds)
    return own, max(own, min(OVERTIME, own + OVERTIME, house.move_seconds))


def _stands_until(room: Room, game: Game, house: HouseRules) -> datetime | None:
    """Return when the game no longer waits for an absent player, if one is absent."""
    moments = []
    for player in room.active():
        since = _absent_since(game, player, house)
        if since is not None and player.marker is not None:
            left = _longest_wait(house) - game.waited(player.marker)
            moments.append(later(since, timedelta(seconds=left)))
    return max(moments, default=None)


def _absent_since(game: Game, player: User, house: HouseRules) -> datetime | None:
    """Return since when the game has stood still for a player's absence, if it does.

    After a restart of the server seats are held for longer. That absence is the server's doing,
    so only its last part, as long as a seat is held at other times, is counted.
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
    """Return when a game without a clock ends for those in line, if there are any."""
    if not room.present_line or not timedelta(seconds=house.idle_seconds):
        return None
    seconds = house.idle_seconds
    if not all(player.present for player in room.active()):
        seconds += house.resume_seconds  # an absence is waited for in full, however late it began
    return later(game.moved_at, timedelta(seconds=seconds))
