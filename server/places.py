"""Whose places are whose: how many each address holds, and how many are kept for the absent.

A place that is kept for somebody who is gone costs as much as a socket, and whoever opens sockets
and lets them drop would otherwise fill lines and rooms without being counted. So it is rows that
count, from the arrival of their user until they leave or the stream says that they are gone.
Addresses are known of those who came by this process, and are written down nowhere.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from queue_engine.items import Committed
from queue_engine.model import ConnectionId, User
from storage.contract import RoomName

from .channel import Member


class Holder(NamedTuple):
    """The socket that speaks for a row."""

    room: RoomName
    address: str
    generation: int


class Places:
    """Everybody who has a row, or is about to have one."""

    def __init__(self) -> None:
        self._holders: dict[ConnectionId, Holder] = {}
        self._of_address: Counter[str] = Counter()
        self._absent: dict[ConnectionId, RoomName] = {}

    @property
    def absent(self) -> int:
        """How many rows are kept for people whose socket is gone."""
        return len(self._absent)

    def of_address(self, address: str) -> int:
        """Return how many places are held by those who came from the address."""
        return self._of_address[address]

    def is_of(self, connection_id: ConnectionId, address: str) -> bool:
        """Tell whether the user came from that address."""
        holder = self._holders.get(connection_id)
        return holder is not None and holder.address == address

    @contextmanager
    def arriving(self, address: str) -> Iterator[None]:
        """Hold a place for somebody who has no row that is known yet."""
        self._of_address[address] += 1
        try:
            yield
        finally:
            self._release(address)

    def take(self, member: Member) -> None:
        """Count the member's row as its address's for as long as the row is there."""
        address = member.connection.address
        self._give_up(member.connection_id)
        self._holders[member.connection_id] = Holder(
            member.channel.room, address, member.generation
        )
        self._of_address[address] += 1

    def leave(self, member: Member) -> None:
        """Count the row no more: it goes with this socket, unless the user has come back since."""
        holder = self._holders.get(member.connection_id)
        if holder is not None and holder.generation == member.generation:
            self._give_up(member.connection_id)

    def observe(self, committed: Committed) -> None:
        """Note which users are gone, which are back and which rows are removed."""
        if committed.whole:
            self._forget_missing(committed.room, committed.touched)
        for change in committed.changes:
            user = change.new or change.old
            if not isinstance(user, User):
                continue
            if change.new is None:
                self._give_up(user.connection_id)
            if change.new is not None and not user.present:
                self._absent[user.connection_id] = committed.room
            else:
                self._absent.pop(user.connection_id, None)

    def _forget_missing(self, room: RoomName, present: Collection[ConnectionId]) -> None:
        holders = [key for key, holder in self._holders.items() if holder.room == room]
        absent = [key for key, its_room in self._absent.items() if its_room == room]
        for connection_id in {*holders, *absent} - set(present):
            self._give_up(connection_id)
            self._absent.pop(connection_id, None)

    def _give_up(self, connection_id: ConnectionId) -> None:
        holder = self._holders.pop(connection_id, None)
        if holder is not None:
            self._release(holder.address)

    def _release(self, address: str) -> None:
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
