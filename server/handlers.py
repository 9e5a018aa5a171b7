"""What each route does: one short coroutine a route, from a message to a command to an answer.

Handlers decide nothing: the rules do. Handlers send nothing to others: the broadcaster does. What
they return is the body of the answer.
"""

import secrets
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from queue_engine.changes import UserChange
from queue_engine.commands import (
    Command,
    Disconnect,
    Enter,
    JoinLine,
    LeaveLine,
    MakeMove,
    Rename,
    ReportGameOver,
)
from queue_engine.engine import Engine
from queue_engine.mailbox import Played
from queue_engine.model import ConnectionId, User

from . import messages
from .broadcaster import Broadcaster
from .close_codes import CloseCode
from .connection import Connection
from .places import Places
from .registry import Registry

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lobby:
    """What handlers work with."""

    engine: Engine
    broadcaster: Broadcaster
    registry: Registry
    places: Places

    async def submit(self, connection: Connection, command: Command) -> Played:
        """Have the command played in the connection's room."""
        return await self.engine.submit(connection.room, command)


async def connect(lobby: Lobby, connection: Connection) -> None:
    """`$connect`: come in anew, or take over the row that the offered session names."""
    address = connection.address
    with nullcontext() if connection.returning else lobby.places.arriving(address):
        await _come_in(lobby, connection)
        if connection.welcomed:
            lobby.places.take(
                connection.room, connection.connection_id, connection.generation, address
            )


async def _come_in(lobby: Lobby, connection: Connection) -> None:
    played = await lobby.submit(
        connection,
        Enter(
            connection_id=ConnectionId(secrets.token_urlsafe(9)),
            session_id=secrets.token_urlsafe(24),
            owner=lobby.engine.owner,
            resumable=connection.v1,
            watch=connection.watch,
            resume=connection.resume,
        ),
    )
    user = _entered(played)
    connection.connection_id = user.connection_id
    connection.generation = user.generation
    superseded = lobby.registry.add(connection)
    if superseded is not None:
        superseded.shut(CloseCode.RESUMED_ELSEWHERE)
    await lobby.broadcaster.welcome(connection, played.sequence)


async def disconnect(lobby: Lobby, connection: Connection) -> None:
    """`$disconnect`: the socket is gone; the rules say what becomes of the row."""
    lobby.registry.remove(connection)
    command = Disconnect(
        connection.connection_id, connection.generation, leaving=connection.was_left
    )
    await lobby.submit(connection, command)


async def join_queue(lobby: Lobby, connection: Connection, _: messages.NoFields) -> Body:
    """`joinQueue`: be told where one stands; a spectator joins the end of the line."""
    played = await lobby.submit(
        connection, JoinLine(connection.connection_id, connection.generation)
    )
    if not played.changes:  # else the broadcaster tells what changed
        lobby.broadcaster.tell_standing(connection)
    return {}


async def leave_queue(lobby: Lobby, connection: Connection, _: messages.NoFields) -> Body:
    """`leaveQueue`: become a spectator; a player concedes the game."""
    await lobby.submit(connection, LeaveLine(connection.connection_id, connection.generation))
    return {}


async def update_db(lobby: Lobby, connection: Connection, fields: messages.UpdateDB) -> Body:
    """`updateDB`: take a name."""
    name = fields.username
    await lobby.submit(connection, Rename(connection.connection_id, connection.generation, name))
    return {"username": name}


async def send_info(lobby: Lobby, connection: Connection, _: messages.NoFields) -> Body:
    """`sendInfo`: be greeted again."""
    lobby.broadcaster.greet(connection)
    return {}


async def make_move(lobby: Lobby, connection: Connection, fields: messages.MakeMove) -> Body:
    """`makeMove`: mark a cell."""
    cell = fields.cell
    await lobby.submit(connection, MakeMove(connection.connection_id, connection.generation, cell))
    return {}


async def game_over(lobby: Lobby, connection: Connection, fields: messages.GameOver) -> Body:
    """`gameOVER`: report who lost a game that the server may not have seen."""
    command = ReportGameOver(
        connection.connection_id,
        connection.generation,
        ConnectionId(fields.loser_id),
        fields.game,
    )
    await lobby.submit(connection, command)
    return {}


def _entered(played: Played) -> User:
    """Return the row of who entered: the first thing that `Enter` changes."""
    change = played.changes[0]
    assert isinstance(change, UserChange), "a user comes first"
    assert change.new is not None, "a user comes first"
    return change.new
