"""A view that nobody watches encodes nothing; what a newcomer is shown is right all the same."""

import json

from queue_engine.items import Committed
from server.rooms.view import View
from storage.contract import RoomName
from tests.queue_engine.evening import Evening


def read(frame: bytes) -> dict[str, object]:
    message: dict[str, object] = json.loads(frame[frame.index(b"{") :])
    return message


def test_view_is_right_when_the_first_watcher_comes() -> None:
    evening, unwatched, watched = Evening(), View("lobby"), View("lobby")
    watched.watch()
    for sequence, name in enumerate(("ann", "bob", "cat"), start=1):
        evening.enter(name)
        batch = Committed(RoomName("lobby"), sequence, tuple(evening.take_changes()))
        assert unwatched.take_in([batch]).delta is None
        assert watched.take_in([batch]).delta is not None
    unwatched.watch()
    assert read(unwatched.snapshot()) == read(watched.snapshot())
    assert read(unwatched.game()) == read(watched.game())
    assert read(unwatched.whole_list()) == read(watched.whole_list())
