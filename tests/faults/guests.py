"""Guests of a busy evening: each does as people do, and remembers what the server told it.

What was told is a promise: after a kill it is held against the tables, and the guest comes back.
"""

import asyncio
import random
from typing import Any

from websockets.exceptions import WebSocketException

from tests.faults.tables import Tables
from tests.lab.player import Player

# What ends a conversation when the other side is killed.
GONE = (WebSocketException, OSError, EOFError)


class Guest:
    """Somebody in a room; of the seed if ``seed``."""

    def __init__(self, url: str, room: str, name: str, *, seed: bool = False) -> None:
        self.url, self.room, self.name, self.seed = url, room, name, seed
        self.chance = random.Random(name)
        self.player: Player | None = None
        self.acknowledged = 0
        self.renamed = 0
        self._forget()

    def _forget(self) -> None:
        self.id: str | None = None
        self.session: str | None = None
        self.names: list[str | None] = [None]  # the acknowledged one, and those asked for since
        self.watches: list[bool] = [False]
        self.move: tuple[int, int, str] | None = None  # game, cell, marker
        self.sequence = 0
        self.leaving = False

    async def arrive(self) -> Player:
        """Come, or come back."""
        if self.seed:
            self._forget()
        self.player = await Player.join(
            f"{self.url}/{self.room}", seed=self.seed, session=self.session
        )
        if not self.seed:
            self.session = self.player.session
        self.id = self.player.id
        return self.player

    async def play(self) -> None:
        """Do this and that until the server is gone."""
        try:
            player = self.player or await self.arrive()
            while True:
                await self._act(player)
                player = self.player or await self.arrive()
        except GONE:
            pass

    async def _act(self, player: Player) -> None:
        if await self._move(player):
            return
        dice = self.chance.random()
        if dice < 0.25:
            # Never one that an old row of theirs may still have: it would be shown with a number.
            self.renamed += 1
            name = f"{self.name} {self.renamed}"
            self.names.append(name)
            if await self._ask(player, action="updateDB", username=name):
                self.names = [name]
        elif dice < 0.35:
            leaves = not self.watches[-1]
            self.watches.append(leaves)
            if await self._ask(player, action="leaveQueue" if leaves else "joinQueue"):
                self.watches = [leaves]
        elif dice < 0.40 and player.marker is not None:
            await self._ask(player, action="gameOVER", loserId=self.id)
        elif dice < 0.48:
            self.leaving = self.seed  # of the seed, who is gone is gone
            self.told()
            self.player = None
            player.vanish()
        elif dice < 0.50:
            self.leaving = True
            await player.leave()
            self._forget()
            self.player = None
        else:
            await player.sync()

    async def _move(self, player: Player) -> bool:
        game = player.game
        marker = game["turn"] if game else None
        if game is None or marker is None or game["players"][marker] != self.id:
            return False
        free = [cell for cell, mark in enumerate(game["board"]) if mark == "."]
        cell = self.chance.choice(free)
        if await self._ask(player, action="makeMove", cell=cell):
            self.move = (game["number"], cell, marker)
        return True

    async def _ask(self, player: Player, **message: Any) -> bool:
        response = await player.ask(**message)
        assert response["statusCode"] in (200, 403, 404, 409), response
        self.acknowledged += 1
        return bool(response["statusCode"] == 200)

    def told(self) -> None:
        """Look through what has come by now, up to the end of the connection."""
        if self.player is not None:
            sequences = (message.get("sequence", 0) for message in self.player.messages)
            self.sequence = max(self.sequence, *sequences)

    def check(self, tables: Tables) -> None:
        """Assert that everything the guest was told is stored."""
        if self.id is None or self.leaving:
            return
        assert tables.sequence(self.room) >= self.sequence, "announced, and lost"
        assert self.id in tables.users, f"{self.name} has lost the place"
        row = tables.users[self.id]
        assert self.seed or row["session_id"] == self.session
        assert row["username"] in self.names, self.names
        assert (row["status"] == "spectator") in self.watches
        game = tables.games.get(self.room)
        if self.move is not None and game is not None:
            number, cell, marker = self.move
            assert game["number"] >= number
            played = [int(move) for move in game["moves"].split(",") if move]
            by_marker = played[::2] if marker == game["first"] else played[1::2]
            assert game["number"] > number or cell in by_marker, "a move is lost"

    async def resume(self, before: Tables) -> None:
        """Come back after a kill, and find everything as it was stored."""
        self.player = None
        if self.id is None or self.leaving or self.seed:
            self._forget()
            return
        row = before.users[self.id]
        player = await self.arrive()
        assert player.id == row["connection_id"]
        assert row["status"] != "spectator" or player.standing["status"] == "spectator"
        if row["status"] == "active":
            assert player.marker == row["marker"]
        if row["status"] != "spectator":
            assert player.users[player.id]["joinedAt"] == row["joined_at"]
        if "position" in player.standing:
            line = [u["connectionId"] for u in player.line if u["status"] == "inactive"]
            assert line.index(player.id) + 1 == player.standing["position"]
        self._check_board(player, before)

    def _check_board(self, player: Player, before: Tables) -> None:
        game = before.games.get(self.room)
        if game is None or game["status"] != "playing":
            return
        if all(before.users[game[who]]["resumable"] for who in ("x_id", "o_id")):
            assert player.game is not None
            assert player.game["number"] == game["number"]
            assert ",".join(map(str, player.game["moves"])) == game["moves"]
            assert player.game["turn"] == game["turn"]


async def read_out(guests: list[Guest]) -> None:
    """Take note of everything that had reached the guests when the server died."""
    await asyncio.gather(*(g.player.closed() for g in guests if g.player is not None))
    for guest in guests:
        guest.told()
