"""Whose places are kept: how many are absent, and from which address they came.

A place that is kept for somebody who is gone costs as much as a socket, and whoever opens sockets
and lets them drop would otherwise fill lines and rooms without being counted. It lives by the
stream; addresses are known of those who came by this process, and are written down nowhere.
"""

from collections import Counter

from queue_engine.model import ConnectionId
from storage.contract import Batch, Table


class Absentees:
    """Everybody whose row is there and whose socket is not."""

    def __init__(self) -> None:
        self._addresses: dict[ConnectionId, str] = {}
        self._absent: dict[ConnectionId, str | None] = {}
        self._of_address: Counter[str | None] = Counter()

    def came(self, connection_id: ConnectionId, address: str) -> None:
        """Remember where the socket of a user comes from, for as long as there is a row."""
        self._addresses[connection_id] = address

    def observe(self, batch: Batch) -> None:
        """Take note of who is gone, who is back and who is forgotten."""
        for change in batch.changes:
            image = change.new_image or change.old_image
            if change.table is not Table.USERS or image is None:
                continue
            connection_id = ConnectionId(str(image["connection_id"]))
            self._forget(connection_id)
            if change.new_image is None:
                self._addresses.pop(connection_id, None)
            elif image["absent_until"] is not None:
                address = self._addresses.get(connection_id)
                self._absent[connection_id] = address
                self._of_address[address] += 1

    def of_address(self, address: str, *, but: ConnectionId | None) -> int:
        """Return how many who came from the address are absent, not counting one who is back."""
        returning = but is not None and self._absent.get(but) == address
        return self._of_address[address] - returning

    def __len__(self) -> int:
        return len(self._absent)

    def _forget(self, connection_id: ConnectionId) -> None:
        if connection_id in self._absent:
            address = self._absent.pop(connection_id)
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]
