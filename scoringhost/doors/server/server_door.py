"""The door of the server: listening sockets, connections, and health probes beside a run() that blocks the loop."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from scoringhost.doors.certificates import Certificates
from scoringhost.doors.listening import refuse_new
from scoringhost.doors.server.accepting import FairServer
from scoringhost.doors.server.connection_limits import Intake, intake_of
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.doors.server.probe_responder import ProbeResponder
from scoringhost.doors.server.side_door import SideDoor
from scoringhost.engine.engine import Engine
from scoringhost.http.app import HttpApp

if TYPE_CHECKING:
    from scoringhost.doors.server.worker import ScoringWorker

SETTLE_S = 0.2
"""Seconds for which a worker accepts after new connections are kept out: some are on their way into the backlog."""

NOTICE_S = 0.5
"""Seconds that a front has to let go of the connections that it keeps to a worker."""

LATE_MASTER_S = 1.0
"""Seconds that a worker waits for the master, if a signal has come to both: to a whole process group."""

MASTER_LOOK_S = 0.01
"""Seconds between two looks at what the master has said."""


class ServerDoor:
    """A uvicorn server on the listening sockets that gunicorn's master has opened for its workers."""

    def __init__(
        self,
        worker: ScoringWorker,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        certificates: Certificates | None = None,
        health: SideDoor | None = None,
    ) -> None:
        """`certificates`: connections are secured with them; health is then asked for at a door of its own, if at all.

        Nobody but the event loop can speak TLS, so that only there it is answered beside a run() that blocks it.
        """
        self._worker, self._engine, self._loop = worker, engine, loop
        settings = worker.app.settings
        elsewhere = listeners_at([settings.metrics_port], worker.sockets)
        of_health = listeners_at(settings.health_ports, worker.sockets)
        if certificates is not None:
            elsewhere += of_health
        self._listeners = [listener.sock for listener in worker.sockets if listener.sock not in elsewhere]
        self._own = worker.own_listener
        own = None if self._own is None else self._own.socket
        if own is not None:
            self._listeners.append(own)
        app = engine.site.app
        self.server = FairServer(
            server_config(intake_of(app, settings), settings.keep_alive_s), self._leaves_to_others, certificates, own
        )
        self._plain_server = self.server if health is None else health.server
        probed = self._listeners if certificates is None else of_health
        self._probe_responder = ProbeResponder(probed, app, self._hand_over, paths=engine.site.probes)
        self.master_has_gone = False

    def _leaves_to_others(self) -> bool:
        return self._worker.cfg.workers > 1 and self._engine.site.busy

    def answer_probes(self, is_blocked: Callable[[], bool]) -> None:
        """Answer health probes for as long as a run() blocks the event loop; on another thread than that."""
        self._probe_responder.guard(is_blocked)

    def _hand_over(self, connection: socket.socket, data: bytes) -> None:
        self._loop.call_soon_threadsafe(self._plain_server.take, connection, data)

    # -- Door -----------------------------------------------------------------------------------------

    async def start(self, app: HttpApp) -> None:
        """Accept connections."""
        self._serving = self._loop.create_task(self.server.serve(sockets=self._listeners))
        self._serving.add_done_callback(lambda _: self._engine.wind_down())
        for connection, data in self._worker.kept:
            self._hand_over(connection, data)
        self._worker.kept.clear()

    async def stop_accepting(self, by_s: float) -> None:
        """Have kept connections closed after their next answer, take what waits, and close the listening sockets."""
        if self._own is not None:
            self._own.hide()
            await self._let_front_leave()
        self.server.should_exit = True  # uvicorn looks ten times a second
        self.server.tell_connections()
        await self._serving
        is_stop = self._engine.is_told_to_stop and not self._engine.is_retiring
        if is_stop and await self._is_for_good():
            await asyncio.sleep(SETTLE_S)
            await self.server.take_what_waits(by_s)
        await self.server.take_what_waits(by_s, own=True)
        self._probe_responder.close()
        await self.server.close_listeners(self._listeners)
        self.server.tell_connections()

    async def _let_front_leave(self) -> None:
        """Give the front time to hear of it, and to let go of the connections that it keeps.

        A kept connection that is closed at this end may have a request on its way, of which nobody can say whether it
        was taken. One that the front closes has none.
        """
        until_s = time.monotonic() + NOTICE_S
        while self.server.connections and time.monotonic() < until_s:
            await asyncio.sleep(MASTER_LOOK_S)

    async def _is_for_good(self) -> bool:
        """Whether nobody takes this worker's place: what waits for it is lost unless it is taken now.

        A worker that ends alone leaves what waits to its siblings, or to the one that replaces it:
        the master holds the listening sockets.
        """
        link = self._worker.link
        late_s = time.monotonic() + LATE_MASTER_S
        while not (link.service_ends or link.is_replaced or self.master_has_gone):
            if time.monotonic() > late_s:
                return False
            await asyncio.sleep(MASTER_LOOK_S)
        if self.master_has_gone or self._worker.cfg.reuse_port:  # then nobody else has seen to it
            for listener in self._listeners:
                refuse_new(listener)
        return not link.is_replaced or self._worker.cfg.reuse_port

    async def finish(self, by_s: float) -> bool:
        """Wait until every connection has ended, or for the time; returns whether they have."""
        return await self.server.ended(by_s)

    def cancel(self) -> None:
        """Answer every request that is under way with a 503."""
        self.server.cancel_requests()

    @property
    def connections(self) -> Sequence[HttpProtocol]:
        """Every connection that is open."""
        return self.server.connections


def listeners_at(ports: Iterable[int | None], listeners: Iterable[Any]) -> list[socket.socket]:
    """The sockets of those of gunicorn's listeners that listen on one of the ports."""
    inet = [one.sock for one in listeners if one.sock.family in (socket.AF_INET, socket.AF_INET6)]
    return [listener for listener in inet if listener.getsockname()[1] in ports]


def server_config(intake: Intake, keep_alive_s: int, protocol: type[HttpProtocol] = HttpProtocol) -> uvicorn.Config:
    """How uvicorn serves an application."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)  # our own log says it all
    return uvicorn.Config(
        cast("Any", intake),
        interface="asgi3",
        http=cast("Any", protocol),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=keep_alive_s,
    )
