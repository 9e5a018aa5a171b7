"""How long a game waits: the time to move, what stops it, and for how long it may stand.

The time to move runs while both players are there, so whoever vanishes and comes back again and
again could stop a game for ever, and so could two whose board lives elsewhere. A game that has gone
without a move for long enough waits for nobody: its clock runs on and moves are taken, whoever is
absent; if it has no clock, it is over as soon as somebody stands in line for it.
"""

from datetime import datetime, timedelta

from .model import Game, Room
from .turn import HouseRules, Turn, later

# A player who comes back has at least this long to move (design, rule 5), in seconds; but no more
# than this of a move is overtime, or who comes back again and again would never be out of time.
OVERTIME = 5.0


def next_deadline(room: Room, house: HouseRules) -> datetime | None:
    """Return the earliest moment at which the mere passing of time changes something."""
    deadlines = [user.seat_until for user in room.active()]
    if room.absences:
        deadlines.append(room.absences[0][0])
    game = room.game
    if game is not None and game.playing:
        deadlines.append(game.deadline if game.turn is not None else None)
        if game.deadline is None and _keeps_somebody_waiting(room, game, house):
            deadlines.append(_patience_until(room, game, house))
    return min((moment for moment in deadlines if moment is not None), default=None)


def has_clock(room: Room, game: Game, house: HouseRules) -> bool:
    """Tell whether moves of this game are timed: not between two seed clients.

    Their board lives elsewhere, so the server cannot see them move.
    """
    # Less than a microsecond is no clock: it would be over before it began, for ever.
    timed = bool(timedelta(seconds=house.move_seconds)) and game.turn is not None
    return timed and any(player.resumable for player in room.active())


def waits_for_nobody(room: Room, game: Game, house: HouseRules, now: datetime) -> bool:
    """Tell whether the game has gone without a move for so long that no absence stops it."""
    until = _patience_until(room, game, house)
    return until is not None and until <= now


def run_clock(turn: Turn) -> None:
    """Start the clock or stop it, as the players come and go."""
    room, house, game = turn.room, turn.house, turn.room.game
    if game is None or not game.playing:
        return
    goes_on = _all_present(room) or (
        _keeps_somebody_waiting(room, game, house) and waits_for_nobody(room, game, house, turn.now)
    )
    runs = has_clock(room, game, house) and goes_on
    own, granted = _time_to_move(game, house)
    if runs and game.deadline is None:
        turn.update_game(game, deadline=turn.after(granted))
    elif not runs and game.deadline is not None:
        left = max(game.deadline - turn.now, timedelta(0)).total_seconds() - (granted - own)
        mover = room.seated(game.turn) if game.turn is not None else None
        if mover is not None and mover.present:
            # It was the other who stopped it: that must not use up anybody's overtime.
            left = max(left, min(own, 0.0))
        turn.update_game(game, deadline=None, time_left=left)


def _time_to_move(game: Game, house: HouseRules) -> tuple[float, float]:
    """Return what is left of a move's own time, and for how long the clock runs when it starts."""
    if game.time_left is None:
        return house.move_seconds, house.move_seconds
    # Never more than a move's time: the wall clock may have gone back in a restart.
    own = min(game.time_left, house.move_seconds)
    return own, max(own, min(OVERTIME, own + OVERTIME, house.move_seconds))


def _patience_until(room: Room, game: Game, house: HouseRules) -> datetime | None:
    if not timedelta(seconds=house.idle_seconds):
        return None
    seconds = house.idle_seconds
    # One absence is waited for in full, however late it began.
    if has_clock(room, game, house):
        seconds = max(seconds, house.move_seconds + OVERTIME) + house.resume_seconds
    elif not _all_present(room):
        seconds += house.resume_seconds
    return later(game.moved_at, timedelta(seconds=seconds))


def _keeps_somebody_waiting(room: Room, game: Game, house: HouseRules) -> bool:
    """Tell whether there is anybody to whom it matters that the clock stands."""
    if room.present_line:
        return True
    at_board = any(player.present for player in room.active()) and not _all_present(room)
    return at_board and has_clock(room, game, house)


def _all_present(room: Room) -> bool:
    return all(player.present for player in room.active())
