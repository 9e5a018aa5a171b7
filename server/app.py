"""The composition root: the only module that builds store, engine, channels and sockets.

All tasks share one task group: if one fails, the process logs the cause and ends. Shutdown has one
order, after a failure as after a signal: stop accepting, close the sockets, let the rooms finish
their commits, close the store.
"""

import asyncio
import logging
import os
import secrets
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import Server, serve

from queue_engine.clock import Clock
from queue_engine.engine import Engine
from queue_engine.house import HouseRules
from queue_engine.items import decode
from server.http.pages import Pages
from server.ops.logs import report_once_out_of_files
from server.ops.machine import sockets_allowed
from server.ops.metrics import Metrics
from server.rooms.conversation import Conversations
from server.rooms.handlers import Services
from server.rooms.hub import Hub
from server.settings import Settings, public_url
from server.sockets.admission import Admission, Limits
from server.sockets.connection import close_all
from server.sockets.handshake import Handshake
from server.sockets.listener import BACKLOG, listen, socket_options, tls_context
from server.sockets.liveness import Liveness
from server.vital_tasks import Stopped, VitalTasks, unless
from server.wire.close_codes import CloseCode
from storage import open_store
from storage.contract import RoomName, Store

logger = logging.getLogger(__name__)

# Time limits (seconds) for the last commits of the rooms, and then for the handlers to return.
LAST_COMMITS_SECONDS = 1.0
LAST_HANDLERS_SECONDS = 0.5


async def run(settings: Settings, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve until ``stop`` is set; call ``ready`` with the URL once it can be opened.

    Raises:
        OSError: the address cannot be listened on, or a certificate cannot be read.
        StoreError: the store cannot be opened.
        ExceptionGroup: a part of the server failed while it was serving, or could not start.
    """
    tls = tls_context(settings.tls_cert, settings.tls_key)
    with listen(settings.host, settings.port) as listener:
        url = public_url(settings, listener.getsockname()[1])
        opening = open_store(settings.store, settings.max_records, check=settings.check_store)
        try:
            store = await unless(stop, opening)
        except Stopped:
            return
        report_once_out_of_files(asyncio.get_running_loop())
        try:
            async with VitalTasks() as tasks:
                app = _build(settings, store, url)
                background = [
                    tasks.create_task(_follow_stream(app), name="follow the stream"),
                    tasks.create_task(Liveness(app.hub.crowd).run(), name="ping everybody"),
                ]
                try:
                    await unless(stop, app.engine.start(tasks))
                except Stopped:
                    await _finish_commits(app, background)
                    return
                server = await _accept(app, settings, listener, tls)
                logger.info("serving", extra={"action": "started", "url": url})
                ready(f"{url}/")
                code = CloseCode.INTERNAL_ERROR
                try:
                    await stop.wait()
                    code = CloseCode.GOING_AWAY
                finally:
                    # After a failure the task group has cancelled this task, but not what it built.
                    await _shut_down(app, server, background, code)
        finally:
            await store.close()


@dataclass(frozen=True, slots=True)
class _App:
    """The parts of the server that have to be started and stopped."""

    store: Store
    engine: Engine
    hub: Hub
    admission: Admission
    conversations: Conversations
    handshake: Handshake


def _build(settings: Settings, store: Store, url: str) -> _App:
    clock, metrics = Clock(), Metrics()
    hub = Hub(metrics, clock)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    house = _house_rules(settings)

    def close_room(room: RoomName) -> None:
        hub.close_room(room)
        admission.forget(room)

    engine = Engine(store, house, clock=clock, owner=owner, meter=metrics, on_broken=close_room)
    admission = Admission(_limits(settings), engine)
    metrics.absent.set_function(lambda: admission.absent)
    metrics.rooms.set_function(lambda: engine.room_count)
    metrics.connections.set_function(lambda: admission.connections)
    conversations = Conversations(
        Services(engine, hub, admission),
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
    return _App(store, engine, hub, admission, conversations, handshake)


def _house_rules(settings: Settings) -> HouseRules:
    return HouseRules(
        resume_seconds=settings.resume_seconds,
        seat_seconds=settings.seat_seconds,
        move_seconds=settings.move_seconds,
        idle_seconds=settings.idle_seconds,
        max_streak=settings.max_streak,
        max_waiting=settings.max_waiting,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
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


async def _follow_stream(app: _App) -> None:
    """Pass the stream to the engine, admission and the channels.

    A record that cannot be read is left out, and its room is loaded again.
    """
    async for batch in app.store.stream():
        committed, unreadable = decode(batch)
        app.engine.observe(committed)
        app.admission.observe(committed)
        app.hub.announce(committed)
        for error in unreadable:
            extra = {"action": "record_unreadable", "room": batch.room, "reason": str(error)}
            logger.error("record unreadable", extra=extra)
            app.engine.reload(batch.room)
        await asyncio.sleep(0)  # the stream may not suspend while it has more


async def _accept(
    app: _App, settings: Settings, listener: socket.socket, tls: ssl.SSLContext | None
) -> Server:
    server = await serve(
        app.conversations.hold,
        sock=listener,
        ssl=tls,
        process_request=app.handshake.process_request,
        process_response=app.handshake.process_response,
        open_timeout=settings.handshake_seconds,
        max_size=settings.max_message_bytes,
        write_limit=settings.max_buffer_bytes,
        **socket_options(app.admission),
    )
    # For asyncio, `backlog` is also the number of connections to accept at once.
    listener.listen(BACKLOG)
    return server


async def _shut_down(
    app: _App, server: Server, background: Sequence[asyncio.Task[Any]], code: CloseCode
) -> None:
    logger.info("stopping", extra={"action": "stopping"})
    app.conversations.close()
    server.close(close_connections=False)
    await close_all(app.admission.sockets(), code)
    await _finish_commits(app, background)
    closing = asyncio.ensure_future(server.wait_closed())
    await asyncio.wait([closing], timeout=LAST_HANDLERS_SECONDS)


async def _finish_commits(app: _App, background: Sequence[asyncio.Task[Any]]) -> None:
    await app.engine.close(LAST_COMMITS_SECONDS)
    for task in background:
        task.cancel()
