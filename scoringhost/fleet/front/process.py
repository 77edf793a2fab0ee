"""The life of a front: what it is told over its channel, what it tells, and its end.

The end, told by SIGTERM, by the event `drain` or by the end of the channel, is that of a worker of the server: for
`shutdown_delay_s` requests are taken as before while /readyz is a 503; then kept connections are closed after their
next answer, what waits is taken, and what was taken has `drain_timeout_s`. The listening sockets are the supervisor's,
too. Before it lets the last of its fronts end it keeps new connections out (`listening.refuse_new`), and goes on
listening until that front has gone; so that what is in the backlog is still taken here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scoringhost.doors.certificates import Certificates, certificates_of
from scoringhost.doors.listening import raise_descriptor_limit, refuse_new
from scoringhost.doors.server.accepting import FairServer
from scoringhost.doors.server.connection_limits import intake_of
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.doors.server.server_door import SETTLE_S, server_config
from scoringhost.errors import NotReady, StartupError
from scoringhost.fleet.channel import CallFailed, Channel, ChannelClosed
from scoringhost.fleet.front.choosing import ByTraffic
from scoringhost.fleet.front.directory import START_WAIT_S, Directory
from scoringhost.fleet.front.front_protocol import FrontProtocol, SecureFrontProtocol
from scoringhost.fleet.front.made import FrontParts, front_parts
from scoringhost.fleet.front.memory import Counts, FrontMemory
from scoringhost.fleet.front.repository import ChannelRepository
from scoringhost.fleet.front.starting import settings_from
from scoringhost.fleet.front_methods import ADD_COPIES
from scoringhost.fleet.routing import RoutingTable
from scoringhost.http.app import STOPPING, HttpApp
from scoringhost.settings import Settings
from scoringhost.telemetry import json_lines, logs
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from scoringhost.fleet.front.grpc_port import FrontGrpcPort

SETTINGS_S = 30.0
"""Seconds that the supervisor has to send the settings."""

TELL_S = 0.25
"""Seconds between two looks at the load, which is told if it has changed."""

SAMPLE_S = 0.05
"""Seconds between two looks at how many requests are under way."""

COPIES_S = 0.5
"""Seconds between two looks at what has come of copies of requests."""

CALLS_S = 1.0
"""Seconds between two looks at what has come of calls."""

TIDY_S = 5.0
"""Seconds between two looks at connections to replicas that are idle."""

CERTIFICATES_S = 1.0
CUT_S = 1.0
"""Seconds that connections have to end after they were told that their requests will not be finished."""

START_FAILED = 3
"""The exit code if the settings cannot be used, as that of a server."""

log = logging.getLogger(HOST_LOGGER)


class FrontServer(FairServer):
    """A server whose connections hand requests over to replicas."""

    plain_protocol = FrontProtocol
    secure_protocol = SecureFrontProtocol


class FrontProcess:
    """One front. `run` is its life."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        metrics_listeners: Sequence[socket.socket],
        health_listeners: Sequence[socket.socket],
        memory: FrontMemory,
        grpc_listeners: Sequence[socket.socket] = (),
    ) -> None:
        self._listeners, self._memory = listeners, memory
        self._metrics_listeners, self._health_listeners = metrics_listeners, health_listeners
        self._grpc_listeners = grpc_listeners
        self._grpc: FrontGrpcPort | None = None
        self._channel = Channel({"settings": self._on_settings, "table": self._on_table, "drain": self._on_drain})
        self._told: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._is_to_end = asyncio.Event()
        self._is_for_good = False
        self._directory = Directory(self._want, choice=ByTraffic())
        self._said: dict[str, Any] = {}
        self._serving: list[tuple[FairServer, asyncio.Task[None]]] = []

    async def run(self, end: socket.socket) -> int:
        """Serve until told to end; `end` is this side of the channel. Returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._is_to_end.set)
        await self._channel.over(end)
        listening = loop.create_task(self._channel.run())
        listening.add_done_callback(self._on_channel_end)
        try:
            async with asyncio.timeout(SETTINGS_S):
                event = await self._told
            settings = settings_from(event)
            _set_up_log(settings)
            self._directory.start_wait_s = float(event.get("start_wait_s", START_WAIT_S))
            repository = ChannelRepository(self._channel, lambda: self._directory.table)
            parts = front_parts(settings, self._directory, self._memory, repository)
            certificates = certificates_of(settings)
            if self._grpc_listeners:
                self._grpc = parts.grpc_port(self._grpc_listeners)
            if parts.telemetry.exports is not None:
                parts.telemetry.exports.start()
        except (StartupError, TimeoutError, ConnectionError) as error:
            log.error("the front cannot start: %s", str(error) or "it was not told its settings")
            return START_FAILED
        await self._serve(settings, parts, certificates)
        self._channel.close()
        if parts.telemetry.exports is not None:
            parts.telemetry.exports.stop()
        return 0

    # -- what it is told ----------------------------------------------------------------------------

    def _on_settings(self, event: Mapping[str, Any]) -> None:
        if not self._told.done():
            self._told.set_result(event)

    def _on_table(self, event: Mapping[str, Any]) -> None:
        """A table: nothing is handed over any more by the one before."""
        table = RoutingTable.from_json(event)
        self._directory.replace(table)
        self._channel.tell("using", number=table.number)

    def _on_drain(self, event: Mapping[str, Any]) -> None:
        self._is_to_end.set()

    def _on_channel_end(self, task: asyncio.Task[None]) -> None:
        """The supervisor has gone: nobody else sees to the listening sockets."""
        if task.cancelled():
            return
        if not self._is_to_end.is_set():
            log.warning("the supervisor has gone; this front ends")
        self._is_for_good = True
        self._is_to_end.set()
        if not self._told.done():
            self._told.set_exception(ConnectionError("the supervisor has gone"))

    # -- what it tells --------------------------------------------------------------------------------

    def _want(self, name: str, version: str) -> None:
        self._channel.tell("want", name=name, version=version)

    def _tell_load(self, counts: Counts) -> None:
        """What there is to do, where that has changed; see `Directory.take_load`."""
        said = self._directory.take_load()
        if said != self._said:
            self._said = said
            self._channel.tell("load", **said)
        counts.waiting(sum(said["waiting"].values()))

    def _tell_calls(self) -> None:
        """What has come of calls since the last time."""
        rows = self._directory.calls.take()
        if rows:
            self._channel.tell("calls", rows=rows)

    async def _tell_copies(self) -> None:
        """What has come of copies of requests, again and again."""
        while True:
            await asyncio.sleep(COPIES_S)
            shadowing = self._directory.shadowing
            rows = [] if shadowing is None else shadowing.shadow.take()
            if rows:
                with suppress(ChannelClosed, CallFailed):
                    await self._channel.ask(ADD_COPIES, rows=rows)

    # -- serving --------------------------------------------------------------------------------------

    async def _serve(self, settings: Settings, parts: FrontParts, certificates: Certificates | None) -> None:
        main = self._open(settings, parts, certificates)
        ticking = [
            asyncio.create_task(_every(TELL_S, lambda: self._tell_load(parts.counts))),
            asyncio.create_task(_every(SAMPLE_S, self._directory.sample)),
            asyncio.create_task(_every(CALLS_S, self._tell_calls)),
            asyncio.create_task(self._tell_copies()),
            asyncio.create_task(_every(TIDY_S, self._directory.close_idle)),
        ]
        if certificates is not None:
            ticking.append(asyncio.create_task(_every(CERTIFICATES_S, certificates.look)))
        self._channel.tell("serving")
        await self._is_to_end.wait()
        parts.health.is_leaving = True
        if settings.shutdown_delay_s and not self._is_for_good:
            await asyncio.sleep(settings.shutdown_delay_s)
        by_s = time.monotonic() + settings.drain_timeout_s
        draining = [self._drain(main, by_s)]
        if self._grpc is not None:
            draining.append(self._grpc.end(by_s, keeps_out=self._is_for_good))
        await asyncio.gather(*draining)
        for task in ticking:
            task.cancel()

    def _open(self, settings: Settings, parts: FrontParts, certificates: Certificates | None) -> FairServer:
        """Take requests on all ports; returns what does so on the main one."""
        main = self._start(FrontServer, parts.app, settings, self._listeners, certificates)
        if parts.metrics_app is not None:
            self._start(FairServer, parts.metrics_app, settings, self._metrics_listeners, None)
        if parts.health_app is not None:
            self._start(FairServer, parts.health_app, settings, self._health_listeners, None)
        elif self._health_listeners:
            self._start(FrontServer, parts.app, settings, self._health_listeners, None)
        if self._grpc is not None:
            self._grpc.start()
        return main

    def _start(
        self,
        kind: type[FairServer],
        app: HttpApp,
        settings: Settings,
        listeners: Sequence[socket.socket],
        certificates: Certificates | None,
    ) -> FairServer:
        protocol = FrontProtocol if kind is FrontServer else HttpProtocol
        server = kind(
            server_config(intake_of(app, settings), settings.keep_alive_s, protocol), lambda: False, certificates
        )
        task = asyncio.create_task(server.serve(sockets=list(listeners)))
        self._serving.append((server, task))
        return server

    async def _drain(self, main: FairServer, by_s: float) -> None:
        """Take what waits, answer what was taken, and cut what does not end in time."""
        for server, task in self._serving:
            server.should_exit = True
            server.tell_connections()
            await task
        if self._is_for_good:
            for listener in self._listeners:
                refuse_new(listener)
        await asyncio.sleep(SETTLE_S)
        for server, _ in self._serving:
            await server.take_what_waits(by_s)
        for listeners, (server, _) in zip(self._listener_groups(), self._serving, strict=False):
            await server.close_listeners(listeners)
            server.tell_connections()
        for server, _ in self._serving:
            if not await server.ended(by_s):
                _cut(server)
                await server.ended(time.monotonic() + CUT_S)

    def _listener_groups(self) -> list[Sequence[socket.socket]]:
        rest = [group for group in (self._metrics_listeners, self._health_listeners) if group]
        return [self._listeners, *rest]


def _cut(server: FairServer) -> None:
    """Answer what is under way with a 503, as far as nothing of an answer has been sent."""
    server.cancel_requests()
    for connection in server.connections:
        if isinstance(connection, FrontProtocol):
            connection.cut_short(NotReady(STOPPING))


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        act()


def _set_up_log(settings: Settings) -> None:
    form: logs.LogFormat = logs.TEXT
    if settings.log_format == "json":
        form = json_lines.JsonLog(settings.service_name, settings.service_version)
    logs.configure(settings.log_level, None, (), form)


def run_front(
    channel: int,
    listeners: Sequence[int],
    metrics_listeners: Sequence[int] = (),
    health_listeners: Sequence[int] = (),
    memory: int | None = None,
    number: int = 0,
    grpc_listeners: Sequence[int] = (),
) -> int:
    """Run a front to its end; the arguments are descriptors, and the number of this front. Returns the exit code."""
    raise_descriptor_limit()
    main, metrics, health, grpc = [
        [socket.socket(fileno=one) for one in group]
        for group in (listeners, metrics_listeners, health_listeners, grpc_listeners)
    ]

    async def life() -> int:
        return await FrontProcess(main, metrics, health, FrontMemory(memory, number), grpc).run(
            socket.socket(fileno=channel)
        )

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(life())


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
