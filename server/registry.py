"""Which sockets are in which room. It knows nobody's status and sends nothing."""

from collections.abc import Iterator, Mapping

from queue_engine.model import ConnectionId
from storage.contract import RoomName

from .connection import Connection


class Registry:
    """Every socket that speaks for a user, one each."""

    def __init__(self) -> None:
        self._rooms: dict[RoomName, dict[ConnectionId, Connection]] = {}

    def add(self, connection: Connection) -> Connection | None:
        """Let the socket speak for its user; return the one that it supersedes, if any.

        The greater generation stays, in whatever order two of them get here; so what is returned
        may be the given one.
        """
        room = self._rooms.setdefault(connection.room, {})
        other = room.get(connection.connection_id)
        if other is not None and other.generation > connection.generation:
            return connection
        room[connection.connection_id] = connection
        return other

    def remove(self, connection: Connection) -> None:
        """Forget the socket, unless another speaks for its user by now."""
        room = self._rooms.get(connection.room, {})
        if room.get(connection.connection_id) is connection:
            del room[connection.connection_id]
            if not room:
                del self._rooms[connection.room]

    def in_room(self, room: RoomName) -> Mapping[ConnectionId, Connection]:
        """Return the room's sockets by the user they speak for."""
        return self._rooms.get(room, {})

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def __iter__(self) -> Iterator[Connection]:
        for room in self._rooms.values():
            yield from room.values()
