"""What each route does: one short coroutine a route, from a message to a command to an answer.

Handlers decide nothing: the rules do. Handlers send nothing to others: the room's channel does.
What they return is the body of the answer.
"""

import secrets
from collections.abc import Mapping
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
from server.rooms.channel import Member
from server.rooms.hub import Hub
from server.sockets.admission import Admission, Visitor
from server.sockets.connection import Connection
from server.wire import messages
from server.wire.close_codes import CloseCode

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lobby:
    """What handlers work with."""

    engine: Engine
    hub: Hub
    admission: Admission


async def connect(lobby: Lobby, connection: Connection, visitor: Visitor) -> tuple[Member, int]:
    """`$connect`: come in anew, or take over the row that the offered session names.

    Return the socket as a member of its room, to be welcomed at that sequence.
    """
    command = Enter(
        connection_id=ConnectionId(secrets.token_urlsafe(9)),
        session_id=secrets.token_urlsafe(24),
        owner=lobby.engine.owner,
        resumable=visitor.v1,
        watch=visitor.watch,
        resume=visitor.resume,
    )
    with lobby.admission.entering(connection, visitor):
        played = await lobby.engine.submit(visitor.room, command)
        user = _entered(played)
        lobby.admission.entered(connection, visitor, user)
    member, superseded = lobby.hub.channel(visitor.room).enter(connection, user)
    if superseded is not None:
        superseded.connection.shut(CloseCode.RESUMED_ELSEWHERE)
    return member, played.sequence


async def disconnect(lobby: Lobby, member: Member) -> None:
    """`$disconnect`: the socket is gone; the rules say what becomes of the row."""
    member.channel.leave(member)
    leaving = member.connection.was_left
    await _submit(lobby, member, Disconnect(member.connection_id, member.generation, leaving))


async def join_queue(lobby: Lobby, member: Member, _: messages.NoFields) -> Body:
    """`joinQueue`: be told where one stands; a spectator joins the end of the line."""
    played = await _submit(lobby, member, JoinLine(member.connection_id, member.generation))
    if not played.changes:  # else the channel tells what changed
        member.channel.tell_standing(member)
    return {}


async def leave_queue(lobby: Lobby, member: Member, _: messages.NoFields) -> Body:
    """`leaveQueue`: become a spectator; a player concedes the game."""
    await _submit(lobby, member, LeaveLine(member.connection_id, member.generation))
    return {}


async def update_db(lobby: Lobby, member: Member, fields: messages.UpdateDB) -> Body:
    """`updateDB`: take a name, and be told how it is shown."""
    user, name = member.connection_id, fields.username
    await _submit(lobby, member, Rename(user, member.generation, name))
    return {"username": lobby.engine.username(member.channel.room, user) or name}


async def send_info(lobby: Lobby, member: Member, _: messages.NoFields) -> Body:
    """`sendInfo`: be greeted again."""
    member.channel.greet(member)
    return {}


async def make_move(lobby: Lobby, member: Member, fields: messages.MakeMove) -> Body:
    """`makeMove`: mark a cell."""
    cell = fields.cell
    await _submit(lobby, member, MakeMove(member.connection_id, member.generation, cell))
    return {}


async def game_over(lobby: Lobby, member: Member, fields: messages.GameOver) -> Body:
    """`gameOVER`: report who lost a game that the server may not have seen."""
    command = ReportGameOver(
        member.connection_id,
        member.generation,
        ConnectionId(fields.loser_id),
        fields.game,
    )
    await _submit(lobby, member, command)
    return {}


async def _submit(lobby: Lobby, member: Member, command: Command) -> Played:
    return await lobby.engine.submit(member.channel.room, command)


def _entered(played: Played) -> User:
    """Return the row of who entered: the first thing that `Enter` changes."""
    change = played.changes[0]
    assert isinstance(change, UserChange), "a user comes first"
    assert change.new is not None, "a user comes first"
    return change.new
