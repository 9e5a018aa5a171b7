"""The channels of all rooms."""

from collections.abc import Callable, Iterator
from datetime import datetime

from queue_engine.items import Committed
from server.ops.metrics import Metrics
from server.rooms.channel import Channel
from server.sockets.connection import Connection, Outbox
from storage.contract import RoomName


class Hub:
    """Opens a channel for each room in use, and drops it once it is idle."""

    def __init__(self, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        self.outbox = Outbox()
        self._metrics = metrics
        self._clock = clock
        self._channels: dict[RoomName, Channel] = {}

    def channel(self, room: RoomName) -> Channel:
        """Return the room's channel, opening it if needed."""
        channel = self._channels.get(room)
        if channel is None:
            channel = Channel(room, self.outbox, self._metrics, self._clock, on_idle=self._forget)
            self._channels[room] = channel
        return channel

    def announce(self, committed: Committed) -> None:
        """Announce a batch of the stream to the members of its room."""
        self.channel(committed.room).announce(committed)

    def close_room(self, room: RoomName) -> None:
        """Close every socket of a room that has become unusable."""
        channel = self._channels.pop(room, None)
        if channel is not None:
            channel.close()

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.room) is channel:
            del self._channels[channel.room]

    def crowd(self) -> Iterator[tuple[Connection, bool]]:
        """Yield every socket, and whether its user is seated."""
        for channel in list(self._channels.values()):
            players = channel.players
            for member in list(channel.members.values()):
                yield member.connection, member.connection_id in players
