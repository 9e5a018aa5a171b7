"""A room rebuilt from the stored stream: last image wins.

Replaying changes that the room has already seen is harmless as long as all of them up to the last
are replayed in order.
"""

from collections.abc import Iterable

from storage.contract import ItemChange, Table

from .items import to_game, to_user
from .model import ConnectionId, Room


def replay(room: Room, changes: Iterable[ItemChange]) -> set[ConnectionId]:
    """Bring the room to where the changes leave it; return the users they touched."""
    touched: set[ConnectionId] = set()
    for change in changes:
        if change.table is Table.GAMES:
            room.game = to_game(change.new_image) if change.new_image is not None else None
            continue
        image = change.new_image or change.old_image
        assert image is not None, "a change has an image"
        connection_id = ConnectionId(str(image["connection_id"]))
        touched.add(connection_id)
        if change.new_image is not None:
            room.put(to_user(change.new_image))
        else:
            room.drop(connection_id)
    return touched
