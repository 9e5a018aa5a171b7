"""A crowd: the window of 100, deltas that always add up, and those who stand far back."""

import asyncio
import random
import time

from tests.lab.player import Message, Player

SEED = 20250601


async def crowd(url: str, size: int) -> list[Player]:
    """Let so many in, in order."""
    return [await Player.join(url) for _ in range(size)]


def positions(player: Player) -> list[int]:
    return [m["position"] for m in player.messages if "position" in m]


async def test_window_is_both_players_and_the_first_hundred(url: str) -> None:
    players = await crowd(url, 102)
    watcher = await Player.join(url, watch=True)
    assert (len(watcher.users), watcher.waiting, watcher.spectators) == (102, 100, 1)
    one_more = await Player.join(url)
    assert (len(one_more.users), one_more.waiting, one_more.spectators) == (102, 101, 1)
    assert one_more.id not in one_more.users
    assert one_more.standing["position"] == 101
    await watcher.until_true(lambda: watcher.waiting == 101)
    assert one_more.id not in watcher.users
    # One leaves the middle of the line: the one behind the window moves in, by a delta alone.
    await players[50].leave()
    await watcher.until_true(lambda: watcher.waiting == 100)
    assert one_more.id in watcher.users
    assert players[50].id not in watcher.users
    assert watcher.messages[-1]["remove"] == [players[50].id]
    assert [u["connectionId"] for u in watcher.messages[-1]["upsert"]] == [one_more.id]
    await catch_up(one_more, watcher)
    assert one_more.users == watcher.users
    # A name behind the window is no news to v1 clients.
    far = await Player.join(url)
    await watcher.until_true(lambda: watcher.waiting == 101)
    await far.ask(action="updateDB", username="Far")
    await players[60].ask(action="updateDB", username="Near")
    news = await watcher.until(lambda m: m.get("action") == "queueDelta")
    assert [user["username"] for user in news["upsert"]] == ["Near"]


async def test_player_from_far_ahead_stays_in_the_window_while_seated(url: str) -> None:
    players = await crowd(url, 110)
    x, o = players[:2]
    await x.until_true(lambda: x.game is not None)
    await o.ask(action="gameOVER", loserId=o.id)
    await x.until_true(lambda: players[2].id in x.users and "marker" in x.users[players[2].id])
    assert o.id not in x.users
    newcomer = await Player.join(url)
    await catch_up(x, newcomer)
    assert newcomer.users == x.users
    # The loser is told at once that it stands at the end of the line, not after two seconds.
    await o.until_true(lambda: o.standing.get("position") == 108)


async def test_those_far_back_are_told_at_most_once_in_two_seconds(url: str) -> None:
    players = await crowd(url, 115)
    far = players[-1]
    await far.until_true(lambda: far.waiting == 113)
    assert positions(far) == [113]
    told: list[float] = []
    first_told = asyncio.Event()

    async def listen() -> None:
        while positions(far)[-1] != 105:
            await far.until(lambda m: m.get("action") == "joinedQueue")
            told.append(time.monotonic())
            first_told.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        for wave in (players[10:13], players[13:18]):
            for player in wave:
                await player.leave()
            # The next wave falls into the two seconds after a notice.
            await first_told.wait()
    assert len(told) == 2
    assert told[1] - told[0] > 1.8
    assert positions(far)[0] > positions(far)[1] > positions(far)[2] == 105


async def test_deltas_add_up_to_a_fresh_snapshot(url: str) -> None:
    chance = random.Random(SEED)
    followers = await crowd(url, 3)
    screen = await Player.join(url, watch=True)
    guests = await crowd(url, 105)
    gone: list[Player] = []

    async def something_happens() -> None:
        guest = chance.choice(guests)
        match chance.randrange(8):
            case 0:
                guests.append(await Player.join(url, watch=chance.random() < 0.2))
            case 1:
                guests.remove(guest)
                await guest.leave()
            case 2:
                guests.remove(guest)
                gone.append(guest)
                guest.vanish()
            case 3 if gone:
                back = gone.pop()
                guests.append(await Player.join(url, session=back.session))
            case 4:
                await guest.say(action="leaveQueue")
            case 5:
                await guest.say(action="joinQueue")
            case 6:
                await guest.say(action="updateDB", username=f"guest {chance.randrange(1000)}")
            case _:
                await guest.say(action="makeMove", cell=chance.randrange(9))

    compared = 0
    for _ in range(9):
        await asyncio.gather(*(something_happens() for _ in range(6)))
        for guest in guests:
            await guest.sync()
        newcomer = await Player.join(url, watch=True)
        for follower in (*followers, screen):
            await catch_up(follower, newcomer)
            if newest(follower) == newest(newcomer):
                compared += 1
                assert follower.users == newcomer.users
                assert follower.waiting == newcomer.waiting
                assert follower.spectators == newcomer.spectators
        screen = newcomer
    assert compared > 20
    assert sum(m.get("action") == "queueDelta" for m in followers[0].messages) > 20
    for follower in (*followers, screen):
        sequences = [m["sequence"] for m in follower.messages if "sequence" in m]
        assert sequences == sorted(set(sequences))


def newest(player: Player) -> int:
    """The last sequence that the player has seen."""
    numbered: list[Message] = [m for m in reversed(player.messages) if "sequence" in m]
    return int(numbered[0]["sequence"])


async def catch_up(player: Player, other: Player) -> None:
    """Return when the player has seen as much as the other."""
    await player.until_true(lambda: newest(player) >= newest(other))


async def test_spectators_are_counted_and_never_listed(url: str) -> None:
    ann = await Player.join(url)
    screens = [await Player.join(url, watch=True) for _ in range(3)]
    await ann.until_true(lambda: ann.spectators == 3)
    assert list(ann.users) == [ann.id]
    screens[0].vanish()
    await screens[1].leave()
    await ann.until_true(lambda: ann.spectators == 2)
    # The absent one is counted; it comes back as what it was, without offering to watch.
    back = await Player.join(url, session=screens[0].session)
    assert back.standing == {"action": "joinedQueue", "status": "spectator"}
    await ann.sync()
    assert (ann.spectators, ann.waiting) == (2, 0)
