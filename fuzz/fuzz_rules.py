"""Any bytes as an evening: whatever people, networks and operators do, the invariants hold.

The deeds and the invariants are those of the property tests; here the coverage of the rules leads
to the next evening.
"""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["queue_engine"]):
    from queue_engine.commands import PassTime
    from queue_engine.house import HouseRules
    from queue_engine.refusals import Refusal
    from tests.queue_engine.evening import Evening
    from tests.queue_engine.test_properties import NAMES, check, do

MOST_DEEDS = 60
KINDS = ("v1", "seed", "watch")
VERBS = ("vanish", "go", "come_back", "join_line", "leave_line", "delete")
MOMENTS = (0, 0.5, 1, 3, 6, 15, 30, 70)


def play(data: bytes) -> None:
    """Live through an evening, looking after every deed."""
    given = atheris.FuzzedDataProvider(data)
    house = HouseRules(
        resume_seconds=given.PickValueInList([0, 10, 60]),
        seat_seconds=given.PickValueInList([0, 5, 15]),
        move_seconds=given.PickValueInList([0, 2, 30]),
        idle_seconds=20,
        max_streak=given.PickValueInList([0, 1, 2]),
        max_waiting=given.PickValueInList([1, 2, 100]),
    )
    evening = Evening(house)
    for _ in range(MOST_DEEDS):
        if not given.remaining_bytes():
            break
        with contextlib.suppress(Refusal):
            do(evening, next_deed(given))
        check(evening)
    evening.play(PassTime())
    check(evening)


def next_deed(given: atheris.FuzzedDataProvider) -> tuple[object, ...]:
    """Read a deed off the bytes, as the property tests spell it."""

    def name() -> str:
        return NAMES[given.ConsumeIntInRange(0, 5)]

    match given.ConsumeIntInRange(0, 15):
        case 0 | 1 | 2:
            return ("enter", name(), KINDS[given.ConsumeIntInRange(0, 2)])
        case 3 | 4 | 5 | 6 | 7:
            return ("moves", given.ConsumeIntInRange(0, 8))
        case 8:
            return ("move", name(), given.ConsumeIntInRange(0, 8))
        case 9:
            return ("report", name(), name(), given.PickValueInList([None, None, 1, 2]))
        case 10 | 11:
            return ("wait", MOMENTS[given.ConsumeIntInRange(0, 7)])
        case 12:
            return ("hold", MOMENTS[given.ConsumeIntInRange(0, 7)])
        case 13:
            return [("restart",), ("delete_game",)][given.ConsumeIntInRange(0, 1)]
        case _:
            return (VERBS[given.ConsumeIntInRange(0, 5)], name())


if __name__ == "__main__":
    atheris.Setup(sys.argv, play)
    atheris.Fuzz()
