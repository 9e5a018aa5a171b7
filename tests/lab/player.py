"""A player with a socket: says things, and waits for what is to come, with a deadline.

It keeps the list of the line as a client does, by snapshots and deltas, so a test can ask how the
room looks to it.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, ClassVar, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

DEADLINE = 10.0
Message = dict[str, Any]


class Player:
    """A client; v1 unless ``seed``."""

    everyone: ClassVar[list["Player"]] = []

    def __init__(self, socket: ClientConnection, *, seed: bool) -> None:
        self.everyone.append(self)
        self.socket = socket
        self.seed = seed
        self.messages: list[Message] = []
        self.hello: Message = {}
        self.standing: Message = {}
        self.users: dict[str, Message] = {}
        self.waiting = 0
        self.spectators = 0
        self.game: Message | None = None
        self.patience = DEADLINE
        self._requests = 0

    @classmethod
    async def join(
        cls,
        url: str,
        *,
        seed: bool = False,
        session: str | None = None,
        watch: bool = False,
        **options: Any,
    ) -> Self:
        """Connect, and return when the first four messages have come."""
        protocols = ["winner-stays.v1"] if not seed else []
        if session is not None:
            protocols.append(f"session.{session}")
        if watch:
            protocols.append("watch")
        offered = [Subprotocol(name) for name in protocols] or None
        # It reads on and answers pings whether or not the test looks at what has come.
        options = {"compression": None, "max_queue": None, "ping_interval": None, **options}
        player = cls(await connect(url, subprotocols=offered, **options), seed=seed)
        await player.until(lambda message: message.get("action") == "gameUpdate")
        return player

    @property
    def id(self) -> str:
        """Its public name in the protocol."""
        return str(self.hello["connectionId"])

    @property
    def session(self) -> str:
        """Its secret."""
        return str(self.hello["sessionId"])

    @property
    def marker(self) -> str | None:
        """What it plays, if it does."""
        return self.standing.get("marker")

    @property
    def line(self) -> list[Message]:
        """The list of players and waiting users, in line order."""
        return sorted(self.users.values(), key=lambda user: str(user["joinedAt"]))

    @property
    def board(self) -> str:
        """The board of the game as it is shown; empty without a game."""
        return str(self.game["board"]) if self.game is not None else ""

    async def receive(self) -> Message:
        """Return the next message, and take note of it."""
        async with asyncio.timeout(self.patience):
            message: Message = json.loads(await self.socket.recv())
        self.messages.append(message)
        self._note(message)
        return message

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first message from now on that is wanted."""
        while True:
            message = await self.receive()
            if wanted(message):
                return message

    async def until_true(self, condition: Callable[[], bool]) -> None:
        """Return when the room looks so to this player."""
        while not condition():
            await self.receive()

    async def until_board(self, board: str) -> None:
        """Return when the board looks so."""
        await self.until_true(lambda: self.board == board)

    async def until_game(self, number: int) -> None:
        """Return when the game of this number is shown."""
        await self.until_true(lambda: self.game is not None and self.game["number"] == number)

    async def until_marker(self, marker: str) -> None:
        """Return when this player plays this marker."""
        await self.until_true(lambda: self.marker == marker)

    async def until_turn(self) -> None:
        """Return when it is this player's turn."""
        await self.until_true(lambda: self.game is not None and self.game["turn"] == self.marker)

    async def until_absent(self, connection_id: str) -> None:
        """Return when this user is shown as absent."""
        await self.until_true(lambda: "absent" in self.users.get(connection_id, {}))

    async def until_named(self, connection_id: str, name: str) -> None:
        """Return when this user is shown by this name."""
        await self.until_true(lambda: self.users.get(connection_id, {}).get("username") == name)

    async def ended(self) -> Message:
        """Return the next game that is over."""
        message = await self.until(lambda m: bool(m.get("game")) and m["game"]["turn"] is None)
        game: Message = message["game"]
        return game

    async def say(self, **message: Any) -> None:
        """Send a message and wait for nothing."""
        await self.socket.send(json.dumps(message))

    async def ask(self, **message: Any) -> Message:
        """Send a message and return its response."""
        self._requests += 1
        request_id = f"{self._requests}"
        await self.say(**message, requestId=request_id)
        return await self.until(
            lambda m: m.get("action") == "response" and m.get("requestId") == request_id
        )

    async def sync(self) -> None:
        """Return when everything sent before has been taken note of."""
        await self.ask(action="sendInfo")

    async def hear_all(self) -> None:
        """Return when everything that has happened in the room so far has been told.

        A response may overtake what the stream brings, so this takes a new name and waits for it,
        as it is shown.
        """
        name = f"{self.users[self.id].get('username', '')[:20]}-{self._requests}"
        shown = (await self.ask(action="updateDB", username=name))["body"]["username"]
        await self.until_true(lambda: self.users[self.id].get("username") == shown)

    async def move(self, cell: int) -> Message:
        """Mark a cell; return the response."""
        return await self.ask(action="makeMove", cell=cell)

    async def leave(self) -> None:
        """Close as a page that is left for good."""
        await self.socket.close()

    def vanish(self) -> None:
        """Lose the network."""
        self.socket.transport.abort()

    @classmethod
    async def send_home(cls) -> None:
        """Drop every socket that a test has left open."""
        for player in cls.everyone:
            player.vanish()
            await player.socket.wait_closed()
        cls.everyone.clear()

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait until the server has closed; return code and reason."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed:
            return self.socket.close_code, self.socket.close_reason

    def _note(self, message: Message) -> None:
        match message.get("action"):
            case None:
                self.hello = message
            case "joinedQueue":
                self.standing = message
            case "queueUpdate":
                self.users = {user["connectionId"]: user for user in message["data"]}
                self.waiting, self.spectators = message["waiting"], message["spectators"]
            case "queueDelta":
                for connection_id in message["remove"]:
                    del self.users[connection_id]
                self.users |= {user["connectionId"]: user for user in message["upsert"]}
                self.waiting, self.spectators = message["waiting"], message["spectators"]
            case "gameUpdate":
                self.game = message["game"]


async def table(url: str, waiting: int = 0) -> list[Player]:
    """Seat two v1 players and let others wait; all have seen each other and the game."""
    players = [await Player.join(url) for _ in range(2 + waiting)]

    async def sees_all(player: Player) -> None:
        await player.until_true(lambda: len(player.users) == len(players))
        await player.until_true(lambda: player.game is not None)

    for player in players:
        await sees_all(player)
    return players
