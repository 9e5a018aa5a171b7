"""The two seats: how a game ends, and who sits down next.

:func:`settle` is the house keeping order after every command. It looks only at the room as it is,
so a change by other hands (an operator deletes a player) is set right by the same few lines as a
player who leaves.
"""

from datetime import datetime

from . import tictactoe
from .clock import charge_absences, has_clock, run_clock
from .model import Game, GameStatus, Marker, Report, Status, User
from .turn import START_OF_TIME, Turn, just_after


def settle(turn: Turn) -> None:
    """Leave no game without its players, no free seat while someone present waits."""
    _end_game_without_player(turn)
    _fill_seats(turn)
    _start_game(turn)
    _note_first_in_line(turn)
    run_clock(turn)
    if not turn.room.users:
        turn.set_game(None)


def game_of_seated(turn: Turn) -> Game | None:
    """Return the game that the seated users are playing."""
    game = turn.room.game
    return game if game is not None and game.playing else None


def win(
    turn: Turn,
    game: Game,
    status: GameStatus,
    winner: Marker,
    *,
    line: tuple[int, ...] | None = None,
    report: Report | None = None,
) -> None:
    """End the game: the loser goes to the end of the line, the winner stays on."""
    finish(turn, game, status, winner=winner, line=line, report=report)
    loser = turn.room.seated(winner.other)
    if loser is not None:
        turn.to_end_of_line(loser)
    reward(turn, winner)


def end_without_winner(turn: Turn, game: Game, status: GameStatus) -> None:
    """End the game: both go to the end of the line, the one who was seated later first."""
    finish(turn, game, status)
    # Seated together, O counts as later: so in a rematch the marks change hands.
    for user in sorted(turn.room.active(), key=_seated_order, reverse=True):
        turn.to_end_of_line(user)


def finish(
    turn: Turn,
    game: Game,
    status: GameStatus,
    *,
    winner: Marker | None = None,
    line: tuple[int, ...] | None = None,
    report: Report | None = None,
) -> None:
    """Put the result on record; the seats are the caller's to clear."""
    turn.update_game(
        game,
        status=status,
        turn=None,
        winner=winner,
        line=line,
        deadline=None,
        time_left=None,
        report=report,
    )


def reward(turn: Turn, marker: Marker) -> None:
    """Count a win; who reaches the longest streak allowed goes to the end of the line too."""
    winner = turn.room.seated(marker)
    if winner is None:
        return
    streak = winner.streak + 1
    if 0 < turn.house.max_streak <= streak:
        turn.to_end_of_line(winner)
    else:
        turn.update(winner, streak=streak)


def _seated_order(user: User) -> tuple[datetime, bool]:
    # A player whom an operator has seated without a time counts as seated first.
    return (user.seated_at or START_OF_TIME, user.marker is Marker.O)


def _end_game_without_player(turn: Turn) -> None:
    game = game_of_seated(turn)
    if game is None:
        return
    there = [m for m in Marker if turn.room.seats.get(m) == game.player(m)]
    if len(there) == 2:
        return
    winner = there[0] if there else None
    finish(turn, game, GameStatus.ABANDONED, winner=winner)
    if winner is not None:
        reward(turn, winner)


def _fill_seats(turn: Turn) -> None:
    room = turn.room
    while len(room.seats) < 2 and room.present_line:
        user = room.users[room.present_line[0][1]]
        marker = Marker.O if Marker.X in room.seats else Marker.X
        turn.update(user, status=Status.ACTIVE, marker=marker, seated_at=_next_seated_at(turn))


def _next_seated_at(turn: Turn) -> datetime:
    """Return a moment after the other player's, whatever the wall clock does."""
    taken = (user.seated_at for user in turn.room.active() if user.seated_at is not None)
    return max([turn.now, *map(just_after, taken)])


def _start_game(turn: Turn) -> None:
    last = turn.room.game
    if len(turn.room.seats) < 2 or (last is not None and last.playing):
        return
    x_id, o_id = turn.room.seats[Marker.X], turn.room.seats[Marker.O]
    # A report is kept into the rematch only: there the other player may still repeat it.
    rematch = last is not None and {last.x_id, last.o_id} == {x_id, o_id}
    turn.set_game(
        Game(
            number=last.number + 1 if last is not None else 1,
            board=tictactoe.EMPTY_BOARD,
            turn=Marker.X,
            x_id=x_id,
            o_id=o_id,
            moved_at=turn.now,
            report=last.report if last is not None and rematch else None,
        )
    )


def _note_first_in_line(turn: Turn) -> None:
    game = game_of_seated(turn)
    waited, turn.nobody_waited = turn.nobody_waited, not turn.room.present_line
    if waited and not turn.nobody_waited and game and not has_clock(turn.room, game, turn.house):
        game = charge_absences(turn, game, *turn.room.active())
        turn.update_game(game, moved_at=turn.now)  # it kept nobody waiting until now
