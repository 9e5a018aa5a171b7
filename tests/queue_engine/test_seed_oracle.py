"""The seed's own handlers, played side by side with the rules.

The handlers below are the seed's Lambda functions over a plain table: `connection` with
`joinQueue`, `disconnect`, `updateDB` and `gameOver`, as its deep dive describes them. For every
sequence of events that is free of races, clients see the same list. (Where the design differs on
purpose nothing is played: a report comes from a player, is about a player, and is repeated, if at
all, by the other one at once.)
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.queue_engine.evening import Evening

NAME = st.sampled_from([f"user {number}" for number in range(8)])
EVENTS = st.one_of(
    st.tuples(st.just("connect"), NAME),
    st.tuples(st.just("connect"), NAME),
    st.tuples(st.just("disconnect"), NAME),
    st.tuples(st.just("rename"), NAME, st.sampled_from(["Ann", "Bob", "Cleo"])),
    st.tuples(st.just("gameOver"), st.booleans(), st.booleans(), st.booleans()),
)


@dataclass
class SeedTable:
    """`TicTacToeUsers`, and the clock that stamps its rows."""

    items: dict[str, dict[str, Any]]
    ticks: int = 0

    def now(self) -> int:
        self.ticks += 1
        return self.ticks

    def active(self) -> list[dict[str, Any]]:
        return [item for item in self.items.values() if item["status"] == "active"]

    def connect(self, name: str) -> None:
        self.items[name] = {"id": name, "status": "inactive", "joinedAt": self.now()}
        self.join_queue(name)

    def join_queue(self, name: str) -> None:
        if len(self.active()) < 2:
            self.items[name] |= {"status": "active", "marker": self.free_marker()}
        else:
            self.items[name] |= {"status": "inactive", "joinedAt": self.now()}

    def disconnect(self, name: str) -> None:
        item = self.items.pop(name, None)
        if item is not None and item["status"] == "active":
            self.fill_active_slots()

    def update_db(self, name: str, username: str) -> None:
        self.items[name]["username"] = username

    def game_over(self, loser: str) -> None:
        self.items[loser] |= {"status": "inactive", "joinedAt": self.now(), "marker": None}
        self.fill_active_slots()

    def fill_active_slots(self) -> None:
        free = 2 - len(self.active())
        waiting = [item for item in self.items.values() if item["status"] == "inactive"]
        for item in sorted(waiting, key=lambda item: item["joinedAt"])[: max(free, 0)]:
            item |= {"status": "active", "marker": self.free_marker()}

    def free_marker(self) -> str:
        taken = {item.get("marker") for item in self.active()}
        return "X" if "X" not in taken else "O"

    def listed(self) -> list[tuple[str, str | None, str, str | None]]:
        ordered = sorted(self.items.values(), key=lambda item: item["joinedAt"])
        return [(i["id"], i.get("username"), i["status"], i.get("marker")) for i in ordered]


def listed(evening: Evening) -> list[tuple[str, str | None, str, str | None]]:
    ordered = sorted(evening.room.users.values(), key=lambda user: user.joined_at)
    return [(u.connection_id, u.username, u.status.value, u.marker) for u in ordered]


def report(evening: Evening, seed: SeedTable, x_lost: bool, x_tells: bool, both: bool) -> None:
    game = evening.room.game
    if game is None or not game.playing:
        return
    loser = game.x_id if x_lost else game.o_id
    teller, other = (game.x_id, game.o_id) if x_tells else (game.o_id, game.x_id)
    evening.report(teller, loser)
    seed.game_over(loser)
    rematch = {game.x_id, game.o_id} == set(evening.room.seats.values())
    if both and rematch:
        evening.report(other, loser)  # the seed would send the loser back twice
    evening.wait(3)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(EVENTS, max_size=60))
def test_clients_see_what_the_seed_would_have_shown(events: list[tuple[Any, ...]]) -> None:
    evening, seed = Evening(), SeedTable({})
    for event in events:
        match event:
            case ("connect", name) if name not in seed.items:
                evening.enter(name, seed=True)
                seed.connect(name)
            case ("disconnect", name) if name in seed.items:
                evening.vanish(name)
                seed.disconnect(name)
            case ("rename", name, username) if name in seed.items:
                own = f"{username} {name}"  # the seed had no numbers behind names
                evening.rename(name, own)
                seed.update_db(name, own)
            case ("gameOver", *choices):
                report(evening, seed, *choices)
        assert listed(evening) == seed.listed()
