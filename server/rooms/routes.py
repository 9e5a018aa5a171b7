"""The route table: route key -> the fields it takes and the coroutine that handles it.

API Gateway selected by ``$request.body.action``; so does this. To add a route, write its fields in
`messages.py`, its coroutine in `handlers.py` and its line here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.rooms import handlers
from server.rooms.channel import Member
from server.wire import messages


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message goes."""

    fields: type[messages.Fields]
    handler: Callable[[handlers.Lobby, Member, Any], Awaitable[handlers.Body]]


ROUTES: Mapping[str, Route] = {
    "joinQueue": Route(messages.NoFields, handlers.join_queue),
    "leaveQueue": Route(messages.NoFields, handlers.leave_queue),
    "updateDB": Route(messages.UpdateDB, handlers.update_db),
    "sendInfo": Route(messages.NoFields, handlers.send_info),
    "makeMove": Route(messages.MakeMove, handlers.make_move),
    "gameOVER": Route(messages.GameOver, handlers.game_over),
}

# Only the server fires these: `handlers.connect` and `handlers.disconnect`.
SERVER_ROUTES = frozenset({"connect", "disconnect", "$connect", "$disconnect"})
