"""The route table: route key -> the fields it takes and the coroutine that handles it.

Like API Gateway, it selects by ``$request.body.action``. To add a route, add its fields to
`messages.py`, its coroutine to `handlers.py` and its line here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.rooms import handlers
from server.rooms.channel import Member
from server.wire import messages


@dataclass(frozen=True, slots=True)
class Route:
    """The fields of a message and the handler for it."""

    fields: type[messages.Fields]
    handler: Callable[[handlers.Services, Member, Any], Awaitable[handlers.Body]]


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
