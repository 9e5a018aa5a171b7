"""TLS by the server itself: `--tls-cert` and `--tls-key`."""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.player import Player
from tests.lab.raw import BINARY, TEXT, frame
from tests.lab.server_process import ROOT, ServerProcess
from tests.server.conftest import Certificate

DEADLINE = 10.0


pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and os.environ.get("CI") != "true",
    reason="needs openssl (apt-get install openssl)",
)


@pytest.fixture(scope="module")
def flags(certificate: Certificate) -> tuple[str, ...]:
    return certificate.flags


@pytest.fixture
def trust(certificate: Certificate) -> ssl.SSLContext:
    """What a browser knows that trusts our certificate; names are checked, too."""
    return ssl.create_default_context(cafile=certificate.certificate)


async def join(server: ServerProcess, room: str, trust: ssl.SSLContext) -> Player:
    return await Player.join(f"wss://127.0.0.1:{server.port}/{room}", ssl=trust)


async def test_game_over_wss(house: ServerProcess, room: str, trust: ssl.SSLContext) -> None:
    assert house.url == f"https://127.0.0.1:{house.port}/"
    ann, bob = [await join(house, room, trust) for _ in range(2)]
    await ann.until_true(lambda: ann.game is not None)
    for player, cell in zip([ann, bob, ann, bob, ann], (0, 3, 1, 4, 2), strict=True):
        assert (await player.move(cell))["statusCode"] == 200
    game = await bob.ended()
    assert (game["status"], game["winner"]) == ("won", "X")


async def test_session_is_resumed_over_wss(
    house: ServerProcess, room: str, trust: ssl.SSLContext
) -> None:
    ann = await join(house, room, trust)
    ann.vanish()
    url = f"wss://127.0.0.1:{house.port}/{room}"
    back = await Player.join(url, session=ann.session, ssl=trust)
    assert (back.id, back.marker) == (ann.id, "X")


def test_pages_over_https(house: ServerProcess, trust: ssl.SSLContext) -> None:
    with urllib.request.urlopen(house.url, timeout=DEADLINE, context=trust) as page:
        assert page.status == 200
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert b"<!doctype html>" in page.read().lower()


@pytest.fixture
def plain_call(house: ServerProcess) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", house.port), timeout=DEADLINE) as call:
        yield call


def hello(call: socket.socket, certificate: Certificate, version: ssl.TLSVersion) -> str | None:
    """Shake hands in that version alone, weak as it may be; return the version agreed on."""
    context = ssl.create_default_context(cafile=certificate.certificate)
    # The old versions want old hashes, which our own side must be willing to offer.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with context.wrap_socket(call, server_hostname="127.0.0.1") as secured:
        return secured.version()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_today_are_spoken(
    plain_call: socket.socket, certificate: Certificate, version: ssl.TLSVersion
) -> None:
    assert hello(plain_call, certificate, version) == version.name.replace("_", ".")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_versions_of_yesterday_are_refused(
    plain_call: socket.socket, certificate: Certificate, version: ssl.TLSVersion
) -> None:
    # It is the server that refuses: that ours could not offer it would have another name.
    with pytest.raises(ssl.SSLError, match=r"ALERT_PROTOCOL_VERSION|UNEXPECTED_EOF"):
        hello(plain_call, certificate, version)


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 1000, b"\x16\x03\x01\x02\x00\x01", b""],
    ids=["http", "zeros", "half a hello", "nothing"],
)
async def test_what_is_no_tls_is_hung_up_on(
    house: ServerProcess,
    room: str,
    trust: ssl.SSLContext,
    plain_call: socket.socket,
    said: bytes,
) -> None:
    plain_call.sendall(said)
    plain_call.shutdown(socket.SHUT_WR)
    try:
        answer = plain_call.recv(1000)
    except ConnectionError:
        answer = b""
    assert not answer.startswith(b"HTTP")
    ann = await join(house, room, trust)
    assert (await ann.ask(action="sendInfo"))["statusCode"] == 200


def test_image_asks_for_its_health_over_tls(house: ServerProcess, certificate: Certificate) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "server.ops.healthcheck"],
        cwd=ROOT,
        env={
            "WINNER_STAYS_PORT": str(house.port),
            "WINNER_STAYS_TLS_CERT": str(certificate.certificate),
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


async def test_stop_with_sockets_open(
    tmp_path: Path, certificate: Certificate, trust: ssl.SSLContext
) -> None:
    server = ServerProcess(tmp_path / "lobby.db", certificate.flags)
    ann = await join(server, "lobby", trust)
    # One has not said hello yet, and one has, and will not say goodbye.
    address = ("127.0.0.1", server.port)
    with (
        socket.create_connection(address),
        socket.create_connection(address) as call,
        trust.wrap_socket(call, server_hostname="127.0.0.1"),
    ):
        code, taken = await asyncio.to_thread(server.stop)
    assert (code, (await ann.closed())[0]) == (0, 1001)
    assert taken < 5
    assert "Traceback" not in server.log_text()


def start(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", "--port", "0", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        start_new_session=True,
    )


def test_certificate_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, certificate: Certificate
) -> None:
    other, locked = tmp_path / "other.pem", tmp_path / "locked.pem"
    make = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run([*make, "-out", str(other)], check=True, capture_output=True)
    lock = ["openssl", "ec", "-aes256", "-passout", "pass:secret"]
    subprocess.run(
        [*lock, "-in", str(certificate.key), "-out", str(locked)], check=True, capture_output=True
    )
    for key in (other, locked, certificate.certificate):
        result = start("--tls-cert", str(certificate.certificate), "--tls-key", str(key))
        assert (result.returncode, result.stdout) == (2, "")
        assert "cannot use --tls-cert" in result.stderr
        assert result.stderr.count("\n") == 1


TELLS_OF_ITS_SOCKETS = """
import gc, signal, socket
from server.__main__ import main
from server.sockets.connection import Connection

def tell(*_):
    held = [each for each in gc.get_objects() if issubclass(type(each), Connection)]
    sockets = [each.transport.get_extra_info("socket") for each in held]
    option = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
    print([bool(accepted.getsockopt(*option)) for accepted in sockets], flush=True)

signal.signal(signal.SIGUSR1, tell)
main()
"""


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_frames_do_not_wait_for_the_acknowledgement_of_others(
    tmp_path: Path, certificate: Certificate, trust: ssl.SSLContext, secure: bool
) -> None:
    flags = certificate.flags if secure else ()
    server = ServerProcess(tmp_path / "lobby.db", flags, program=("-c", TELLS_OF_ITS_SOCKETS))
    stdout = server.process.stdout
    assert stdout is not None
    try:
        await (join(server, "", trust) if secure else Player.join(server.ws_url))
        server.process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(DEADLINE):
            assert await asyncio.to_thread(stdout.readline) == "[True]\n"
    finally:
        server.kill()


WITHOUT_COLLECTOR = """
import gc, signal
from server.__main__ import main
from server.sockets.connection import Connection

def count(*_):
    kinds = map(type, gc.get_objects())
    # By name, because uvloop has a class of its own.
    held = [k for k in kinds if issubclass(k, Connection) or k.__name__ == "SSLProtocol"]
    print(len(held), flush=True)

gc.disable()
signal.signal(signal.SIGUSR1, count)
main()
"""


async def test_lost_connection_is_freed_at_once(
    tmp_path: Path, certificate: Certificate, trust: ssl.SSLContext
) -> None:
    server = ServerProcess(
        tmp_path / "lobby.db", certificate.flags, program=("-c", WITHOUT_COLLECTOR)
    )
    stdout = server.process.stdout
    assert stdout is not None

    async def held() -> int:
        server.process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(DEADLINE):
            return int(await asyncio.to_thread(stdout.readline))

    try:
        players = [await join(server, "", trust) for _ in range(5)]
        silent = [
            await asyncio.open_connection("127.0.0.1", server.port, ssl=trust) for _ in range(5)
        ]
        assert await held() >= 20
        for request in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff\r\n\r\n") * 3:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
            writer.write(request)
            async with asyncio.timeout(DEADLINE):
                assert (b" 200 " in await reader.read()) == request.startswith(b"GET")
            writer.close()
        await players.pop().leave()
        # The server itself cuts these off.
        players[0].socket.transport.write(frame(TEXT) * 10_000)
        players[1].socket.transport.write(frame(BINARY))
        for player in players[:2]:
            assert (await player.closed())[0] in (1003, 1008)
        for player in players[2:]:
            player.vanish()
        for _, writer in silent:
            writer.transport.abort()
        async with asyncio.timeout(DEADLINE):
            while await held():
                pass
    finally:
        server.kill()
