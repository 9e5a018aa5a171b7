"""Whose places are whose: how many each address holds, and how many are kept for the absent.

A place that is kept for somebody who is gone costs as much as a socket, and whoever opens sockets
and lets them drop would otherwise fill lines and rooms without being counted. So it is rows that
count, from the arrival of their user until they leave or the stream says that they are gone.
Addresses are known of those who came by this process, and are written down nowhere.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from queue_engine.model import ConnectionId
from storage.contract import Batch, Table


class Places:
    """Everybody who has a row, or is about to have one."""

    def __init__(self) -> None:
        self._holders: dict[ConnectionId, tuple[str, int]] = {}  # address and generation
        self._of_address: Counter[str] = Counter()
        self._absent: set[ConnectionId] = set()

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
        return holder is not None and holder[0] == address

    @contextmanager
    def arriving(self, address: str) -> Iterator[None]:
        """Hold a place for somebody who has no row that is known yet."""
        self._of_address[address] += 1
        try:
            yield
        finally:
            self._release(address)

    def take(self, connection_id: ConnectionId, generation: int, address: str) -> None:
        """Count the user's row as the address's for as long as it is there."""
        self._give_up(connection_id)
        self._holders[connection_id] = (address, generation)
        self._of_address[address] += 1

    def leave(self, connection_id: ConnectionId, generation: int) -> None:
        """Count the row no more: it goes with this socket, if the user has come by no later one."""
        holder = self._holders.get(connection_id)
        if holder is not None and holder[1] == generation:
            self._give_up(connection_id)

    def observe(self, batch: Batch) -> None:
        """Take note of who is gone, who is back and who is forgotten."""
        for change in batch.changes:
            image = change.new_image or change.old_image
            if change.table is not Table.USERS or image is None:
                continue
            connection_id = ConnectionId(str(image["connection_id"]))
            if change.new_image is None:
                self._give_up(connection_id)
            if change.new_image is not None and image["absent_until"] is not None:
                self._absent.add(connection_id)
            else:
                self._absent.discard(connection_id)

    def _give_up(self, connection_id: ConnectionId) -> None:
        holder = self._holders.pop(connection_id, None)
        if holder is not None:
            self._release(holder[0])

    def _release(self, address: str) -> None:
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
