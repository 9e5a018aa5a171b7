"""The handlers: one short coroutine per route, from a message to a command to a response.

The rules decide, not the handlers. The room's channel broadcasts, not the handlers. A handler
returns the body of the response.
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
class Services:
    """The parts of the server that handlers use."""

    engine: Engine
    hub: Hub
    admission: Admission


async def connect(
    services: Services, connection: Connection, visitor: Visitor
) -> tuple[Member, int]:
    """`$connect`: join as a new user, or resume the row of the offered session.

    Return the socket as a member of its room, and the sequence at which to welcome it.
    """
    command = Enter(
        connection_id=ConnectionId(secrets.token_urlsafe(9)),
        session_id=secrets.token_urlsafe(24),
        owner=services.engine.owner,
        resumable=visitor.v1,
        watch=visitor.watch,
        resume=visitor.resume,
    )
    with services.admission.entering(connection, visitor):
        played = await services.engine.submit(visitor.room, command)
        user = _entered(played)
        services.admission.entered(connection, visitor, user)
    member, superseded = services.hub.channel(visitor.room).enter(connection, user)
    if superseded is not None:
        superseded.connection.shut(CloseCode.RESUMED_ELSEWHERE)
    return member, played.sequence


async def disconnect(services: Services, member: Member) -> None:
    """`$disconnect`: the socket is gone; the rules decide what happens to the row."""
    member.channel.leave(member)
    leaving = member.connection.was_left
    await _submit(services, member, Disconnect(member.connection_id, member.generation, leaving))


async def join_queue(services: Services, member: Member, _: messages.NoFields) -> Body:
    """`joinQueue`: tell users their standing; a spectator joins the end of the line."""
    played = await _submit(services, member, JoinLine(member.connection_id, member.generation))
    if not played.changes:  # otherwise the channel announces the change
        member.channel.tell_standing(member)
    return {}


async def leave_queue(services: Services, member: Member, _: messages.NoFields) -> Body:
    """`leaveQueue`: become a spectator; a player concedes the game."""
    await _submit(services, member, LeaveLine(member.connection_id, member.generation))
    return {}


async def update_db(services: Services, member: Member, fields: messages.UpdateDB) -> Body:
    """`updateDB`: set the user's name; return it as it is shown."""
    user, name = member.connection_id, fields.username
    await _submit(services, member, Rename(user, member.generation, name))
    return {"username": services.engine.username(member.channel.room, user) or name}


async def send_info(services: Services, member: Member, _: messages.NoFields) -> Body:
    """`sendInfo`: send `hello` again."""
    member.channel.greet(member)
    return {}


async def make_move(services: Services, member: Member, fields: messages.MakeMove) -> Body:
    """`makeMove`: mark a cell."""
    cell = fields.cell
    await _submit(services, member, MakeMove(member.connection_id, member.generation, cell))
    return {}


async def game_over(services: Services, member: Member, fields: messages.GameOver) -> Body:
    """`gameOVER`: report the loser of a game that the server may not have seen."""
    command = ReportGameOver(
        member.connection_id,
        member.generation,
        ConnectionId(fields.loser_id),
        fields.game,
    )
    await _submit(services, member, command)
    return {}


async def _submit(services: Services, member: Member, command: Command) -> Played:
    return await services.engine.submit(member.channel.room, command)


def _entered(played: Played) -> User:
    """Return the row of the user who entered, which is the first change of `Enter`."""
    change = played.changes[0]
    assert isinstance(change, UserChange), "a user comes first"
    assert change.new is not None, "a user comes first"
    return change.new
