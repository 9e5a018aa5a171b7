"""The two seats: ending a game, filling free seats, starting the next game.

:func:`settle` restores the house rules after every command. It depends only on the current room,
so an edit by another writer (an operator deletes a player) is handled by the same code as a player
leaving.
"""

from datetime import datetime

from .game_clock import charge_absences, has_clock, run_clock
from .model import Game, GameStatus, Marker, Report, Status, User
from .transaction import START_OF_TIME, Transaction, just_after


def settle(tx: Transaction) -> None:
    """End a game that lost a player, fill free seats from the line, and start the next game."""
    _end_game_without_player(tx)
    _fill_seats(tx)
    _start_game(tx)
    _note_first_in_line(tx)
    run_clock(tx)
    if not tx.room.users:
        tx.set_game(None)


def game_of_seated(tx: Transaction) -> Game | None:
    """Return the game being played, if there is one."""
    game = tx.room.game
    return game if game is not None and game.playing else None


def win(
    tx: Transaction,
    game: Game,
    status: GameStatus,
    winner: Marker,
    *,
    report: Report | None = None,
) -> None:
    """End the game: the loser goes to the end of the line, the winner stays on."""
    finish(tx, game, status, winner=winner, report=report)
    loser = tx.room.seated(winner.other)
    if loser is not None:
        tx.to_end_of_line(loser)
    reward(tx, winner)


def end_without_winner(tx: Transaction, game: Game, status: GameStatus) -> None:
    """End the game: both players go to the end of the line, the one seated later first."""
    finish(tx, game, status)
    # At equal times O counts as seated later, so that a rematch swaps the markers.
    for user in sorted(tx.room.active(), key=_seated_order, reverse=True):
        tx.to_end_of_line(user)


def finish(
    tx: Transaction,
    game: Game,
    status: GameStatus,
    *,
    winner: Marker | None = None,
    report: Report | None = None,
) -> None:
    """Record the result; the caller clears the seats."""
    tx.update_game(
        game,
        status=status,
        winner=winner,
        deadline=None,
        time_left=None,
        report=report,
    )


def reward(tx: Transaction, marker: Marker) -> None:
    """Count a win; at ``max_streak`` wins the winner goes to the end of the line too."""
    winner = tx.room.seated(marker)
    if winner is None:
        return
    streak = winner.streak + 1
    if 0 < tx.house.max_streak <= streak:
        tx.to_end_of_line(winner)
    else:
        tx.update(winner, streak=streak)


def _seated_order(user: User) -> tuple[datetime, bool]:
    # A player seated by an operator without a time counts as seated first.
    return (user.seated_at or START_OF_TIME, user.marker is Marker.O)


def _end_game_without_player(tx: Transaction) -> None:
    game = game_of_seated(tx)
    if game is None:
        return
    there = [m for m in Marker if tx.room.seats.get(m) == game.player(m)]
    if len(there) == 2:
        return
    winner = there[0] if there else None
    finish(tx, game, GameStatus.ABANDONED, winner=winner)
    if winner is not None:
        reward(tx, winner)


def _fill_seats(tx: Transaction) -> None:
    room = tx.room
    while len(room.seats) < 2 and room.present_line:
        user = room.users[room.present_line[0][1]]
        marker = Marker.O if Marker.X in room.seats else Marker.X
        tx.update(user, status=Status.ACTIVE, marker=marker, seated_at=_next_seated_at(tx))


def _next_seated_at(tx: Transaction) -> datetime:
    """Return a time after the other player's, even if the wall clock went back."""
    taken = (user.seated_at for user in tx.room.active() if user.seated_at is not None)
    return max([tx.now, *map(just_after, taken)])


def _start_game(tx: Transaction) -> None:
    last = tx.room.game
    if len(tx.room.seats) < 2 or (last is not None and last.playing):
        return
    x_id, o_id = tx.room.seats[Marker.X], tx.room.seats[Marker.O]
    # Keep a report into a rematch only: there the other player may still repeat it.
    rematch = last is not None and {last.x_id, last.o_id} == {x_id, o_id}
    tx.set_game(
        Game(
            number=last.number + 1 if last is not None else 1,
            kind=tx.house.kind,
            x_id=x_id,
            o_id=o_id,
            moved_at=tx.now,
            report=last.report if last is not None and rematch else None,
        )
    )


def _note_first_in_line(tx: Transaction) -> None:
    game = game_of_seated(tx)
    waited, tx.nobody_waited = tx.nobody_waited, not tx.room.present_line
    if waited and not tx.nobody_waited and game and not has_clock(tx.room, game, tx.house):
        game = charge_absences(tx, game, *tx.room.active())
        tx.update_game(game, moved_at=tx.now)  # nobody has waited for it until now
