"""A `sessionId` is in its owner's `hello` and nowhere else: no other frame, page or log line."""

import asyncio
import json
import sqlite3
from collections.abc import Callable

from websockets.exceptions import InvalidStatus

from tests.lab.player import Player
from tests.lab.raw import CLOSE, Raw, upgrade_request
from tests.lab.server_process import ServerProcess


async def evening(server: ServerProcess) -> list[Player]:
    """Have everything happen that is told to anybody; return everybody who was there."""
    url = server.ws_url
    ann, bob, cleo = [await Player.join(url) for _ in range(3)]
    sam = await Player.join(url, seed=True)
    screen = await Player.join(url, watch=True)
    await ann.ask(action="updateDB", username="Ann")
    for player, cell in [(ann, 0), (bob, 3), (ann, 1), (bob, 4), (ann, 2)]:
        await player.move(cell)
    await cleo.until_marker("O")
    # Refusals of every kind, with secrets in every field.
    for player in (ann, cleo, sam, screen):
        for secret in (ann.session, cleo.session):
            for action in ("makeMove", "gameOVER", "updateDB", "$connect", secret, "nope"):
                message = {"action": action, "cell": secret, "loserId": secret, "game": secret}
                await player.ask(**message, username=[secret], sessionId=secret)
            await player.ask(action="gameOVER", loserId=secret)
    for player in (ann, sam):
        await player.ask(action="sendInfo")
        await player.ask(action="joinQueue")
        await player.ask(action="leaveQueue")
    # Lost and found, from two sides; taken over while it is there; gone for good.
    cleo.vanish()
    await bob.until_absent(cleo.id)
    back = await Player.join(url, session=cleo.session)
    again = await Player.join(url, session=back.session)
    await back.closed()
    lost = await Player.join(url, session="x" + cleo.session)
    with sqlite3.connect(server.database) as database:
        database.execute("UPDATE users SET username = 'By hand' WHERE connection_id = ?", (bob.id,))
        database.execute("DELETE FROM users WHERE connection_id = ?", (lost.id,))
    database.close()
    await lost.closed()
    await again.until_named(bob.id, "By hand")
    for player in (ann, bob, sam, screen, again):
        await player.sync()
    return [ann, bob, cleo, sam, screen, back, again, lost]


async def test_session_is_in_the_hello_of_its_owner_and_nowhere_else(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server(
        *("--log-level", "debug", "--messages-per-second", "1000", "--burst", "1000"),
        *("--move-seconds", "0", "--max-connections", "12"),
    )
    people = await evening(server)
    secrets = {player.session for player in people if not player.seed}
    assert len(secrets) == 5, "who came back has kept theirs"
    with sqlite3.connect(server.database) as database:
        secrets |= {session for (session,) in database.execute("SELECT session_id FROM users")}
    database.close()
    assert len(secrets) == 6, "a client of the seed has one, too, and is never told"

    for player in people:
        for message in player.messages:
            told = {secret for secret in secrets if secret in json.dumps(message)}
            mine = {player.session} if not player.seed and "sessionId" in message else set()
            assert told == mine
            assert not mine or message["message"] == "Hello from Lambda!"

    (secret, *_) = secrets
    said = b""
    offer = ["winner-stays.v1", f"session.{secret}"]
    for request in (
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET /{secret} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        upgrade_request(f"/{secret}", offer),
        upgrade_request("/", offer, Origin="http://evil.example"),
        upgrade_request("/", offer).replace(b"Version: 13", b"Version: 8"),
        upgrade_request("/", offer).replace(b"AAAAAAAA", b""),
        b"NONSENSE " + upgrade_request("/", offer),
    ):
        raw = await Raw.connect(server.port)
        raw.writer.write(request)
        async with asyncio.timeout(10):
            said += await raw.reader.read(1_000_000)
    # Into a full house, and out of it because of a frame that is none.
    raw = await Raw.upgrade(server.port, "/", offer)
    raw.send(CLOSE, b"\x03")
    assert await raw.close_code() == 1002
    comers = [Player.join(server.ws_url, session=f"y{secret}") for _ in range(20)]
    refused = await asyncio.gather(*comers, return_exceptions=True)
    for full in refused:
        if isinstance(full, InvalidStatus):
            said += full.response.body or b""
    assert b"the house is full" in said
    assert b"winner_stays_connections" in said
    await asyncio.to_thread(server.stop)

    log = server.log_text()
    assert '"level": "debug"' in log
    for secret in secrets:
        assert secret.encode() not in said
        assert secret not in log
