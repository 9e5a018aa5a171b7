"""The composition root: the only place where store, engine, channels and sockets meet.

They share one task group: if one of its tasks dies, the process says why and ends. Shutdown has one
order, for a failure as for a signal: stop accepting, close the sockets, let the rooms finish their
commits, close the store.
"""

import asyncio
import logging
import os
import secrets
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from websockets.asyncio.server import serve

from queue_engine.clock import Clock
from queue_engine.engine import Engine
from queue_engine.house import HouseRules
from queue_engine.items import decode
from server.http.pages import Pages
from server.ops.logs import report_once_out_of_files
from server.ops.machine import sockets_allowed
from server.ops.metrics import Metrics
from server.rooms.conversation import Host
from server.rooms.handlers import Lobby
from server.rooms.hub import Hub
from server.settings import Settings, public_url
from server.sockets.admission import Admission, Limits
from server.sockets.allowance import LEAST_FRAMES
from server.sockets.connection import CLOSE_SECONDS, Census, Connection
from server.sockets.handshake import Handshake
from server.sockets.liveness import Liveness
from server.wire.close_codes import CloseCode
from storage import open_store
from storage.contract import Store

logger = logging.getLogger(__name__)

T = TypeVar("T")

# How many connections the kernel may hold for us when a whole class opens the page at once, and
# how many of them the event loop takes in one go: those before them want to be looked at, too.
BACKLOG = 4096
ACCEPTED_AT_ONCE = 8
# What asyncio keeps for each TLS connection (bytes): room for a record, where it would take 256 KB.
# (uvloop has its own.)
TLS_BUFFER = 16 * 1024
# How long (seconds) the rooms may take for their last commits, and handlers to return after that.
LAST_COMMITS_SECONDS = 1.0
LAST_HANDLERS_SECONDS = 0.5


def socket_options(census: Census) -> dict[str, Any]:
    """Return how the library is to treat a connection: our server, and the conformance suite's."""
    return {
        "create_connection": partial(Connection, census=census),
        "compression": None,  # 35 times the cost of a plain frame, and 30 KB a connection
        "server_header": None,
        "ping_interval": None,  # one timer pings everybody, see `liveness.py`
        "close_timeout": CLOSE_SECONDS,
        "backlog": ACCEPTED_AT_ONCE,
        # A client within its default limits never has more unread frames than this. So it is
        # always read from, and its end is seen at once.
        "max_queue": LEAST_FRAMES,
    }


class VitalTasks(asyncio.TaskGroup):
    """Tasks that the server cannot do without: if one fails, the cause is logged, and all end."""

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a task, as any task group does."""
        task = super().create_task(*args, **kwargs)
        task.add_done_callback(_report_failure)
        return task


def _report_failure(task: asyncio.Task[Any]) -> None:
    # At once: the traceback follows when the process ends, should something keep it from ending.
    error = None if task.cancelled() else task.exception()
    if error is not None:
        extra = {"action": "task_failed", "reason": f"{type(error).__name__}: {error}"}
        logger.critical("a part of the server failed: %s", task.get_name(), extra=extra)


async def run(settings: Settings, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve until ``stop`` is set; call ``ready`` with the URL to open when it can be opened.

    Raises:
        OSError: the address cannot be listened on, or a certificate cannot be read.
        StoreError: the store cannot be opened.
        ExceptionGroup: a part of the server failed while it was serving, or could not start.
    """
    tls = _tls(settings)
    with _listen(settings.host, settings.port) as listener:
        url = public_url(settings, listener.getsockname()[1])
        try:
            store = await _unless(
                stop, open_store(settings.store, settings.max_records, check=settings.check_store)
            )
        except _Stopped:
            return
        try:
            async with VitalTasks() as tasks:
                await _serve(settings, store, listener, tls, url, stop, ready, tasks)
        finally:
            await store.close()


async def _serve(
    settings: Settings,
    store: Store,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    url: str,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    tasks: asyncio.TaskGroup,
) -> None:
    report_once_out_of_files(asyncio.get_running_loop())
    clock, metrics = Clock(), Metrics()
    hub = Hub(metrics, clock)
    house = HouseRules(
        resume_seconds=settings.resume_seconds,
        seat_seconds=settings.seat_seconds,
        move_seconds=settings.move_seconds,
        idle_seconds=settings.idle_seconds,
        max_streak=settings.max_streak,
        max_waiting=settings.max_waiting,
    )
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    engine = Engine(store, house, clock=clock, owner=owner, meter=metrics, on_broken=hub.close_room)
    limits = Limits(
        connections=settings.max_connections,
        connections_per_address=settings.max_connections_per_address,
        unfinished=settings.max_unfinished,
        sockets=sockets_allowed(),
        absent=settings.max_absent,
        rooms=settings.max_rooms,
        handshakes_per_second=settings.handshakes_per_second,
        messages_per_second=settings.messages_per_second,
        burst=settings.burst,
        max_message_bytes=settings.max_message_bytes,
    )
    admission = Admission(limits, engine)
    metrics.absent.set_function(lambda: admission.absent)
    metrics.rooms.set_function(lambda: engine.room_count)
    metrics.connections.set_function(lambda: admission.connections)
    host = Host(
        Lobby(engine, hub, admission),
        metrics,
        messages_per_second=settings.messages_per_second,
        burst=settings.burst,
    )
    handshake = Handshake(
        Pages(public_url=url, metrics=metrics.render, ready=store.ping),
        admission,
        seed_clients=settings.seed_clients == "on",
        allowed_origins=settings.allowed_origins,
        trusted_proxies=settings.trusted_proxies,
    )
    background = [
        tasks.create_task(_follow(store, engine, admission, hub), name="follow the stream"),
        tasks.create_task(Liveness(hub.crowd).run(), name="ping everybody"),
    ]
    try:
        await _unless(stop, engine.start(tasks))
    except _Stopped:
        await engine.close(LAST_COMMITS_SECONDS)
        for task in background:
            task.cancel()
        return
    server = await serve(
        host.receive,
        sock=listener,
        ssl=tls,
        process_request=handshake.process_request,
        process_response=handshake.process_response,
        open_timeout=settings.handshake_seconds,
        max_size=settings.max_message_bytes,
        write_limit=settings.max_buffer_bytes,
        **socket_options(admission),
    )
    listener.listen(BACKLOG)  # asyncio has one number for both
    logger.info("serving", extra={"action": "started", "url": url})
    ready(f"{url}/")
    goodbye = CloseCode.INTERNAL_ERROR
    try:
        await stop.wait()
        goodbye = CloseCode.GOING_AWAY
    finally:
        # After a failure the task group has cancelled this task, and nothing else of it is left.
        logger.info("stopping", extra={"action": "stopping"})
        host.close()
        server.close(close_connections=False)
        await _close_all(admission, goodbye)
        await engine.close(LAST_COMMITS_SECONDS)
        for task in background:
            task.cancel()
        closing = asyncio.ensure_future(server.wait_closed())
        await asyncio.wait([closing], timeout=LAST_HANDLERS_SECONDS)


class _Stopped(Exception):
    """The server was told to stop before it had started."""


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do a part of the start, which may take long, and give it up when ``stop`` is set."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.wait([working])
            raise _Stopped
        return working.result()
    finally:
        working.cancel()
        stopping.cancel()


async def _follow(store: Store, engine: Engine, admission: Admission, hub: Hub) -> None:
    """Carry the stream to everything that lives by it.

    A record that cannot be read is left out, and its room is loaded anew.
    """
    async for batch in store.stream():
        committed, unreadable = decode(batch)
        engine.observe(committed)
        admission.observe(committed)
        hub.announce(committed)
        for error in unreadable:
            extra = {"action": "record_unreadable", "room": batch.room, "reason": str(error)}
            logger.error("record unreadable", extra=extra)
            engine.reload(batch.room)
        await asyncio.sleep(0)  # the stream need not suspend while it has more


async def _close_all(admission: Admission, code: CloseCode) -> None:
    """Close every socket, and cut off those that do not answer or are still in their handshake."""
    sockets = [socket for socket in admission.sockets() if isinstance(socket, Connection)]
    for connection in sockets:
        if connection.is_open:
            connection.shut(code)
        else:
            connection.cut_off()
    if sockets:
        gone = [connection.connection_lost_waiter for connection in sockets]
        await asyncio.wait(gone, timeout=2 * CLOSE_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port),
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
        # Accepted sockets inherit it. asyncio sets it only where a socket names its protocol, which
        # these do not; without it a frame may wait 40 ms for the acknowledgement of the one before.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"cannot listen on {host} port {port}: {reason}") from error


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    SSLProtocol.max_size = TLS_BUFFER
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password, even a wrong one, OpenSSL would ask the terminal and wait.
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except OSError as error:
        raise OSError(
            f"cannot use --tls-cert {settings.tls_cert} with --tls-key {settings.tls_key}: {error}"
        ) from error
    return context
