"""The gRPC door of a worker: listening before the service is there, serving it, and leaving with it."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress

from scoringhost.doors.bodies_in_flight import BodiesInFlight
from scoringhost.doors.certificates import certificates_of
from scoringhost.doors.grpc.beside import Beside
from scoringhost.doors.grpc.calls import Calls
from scoringhost.doors.grpc.connections import Connections, TimeLimits
from scoringhost.doors.grpc.health import LOOK_S
from scoringhost.doors.grpc.port import Port
from scoringhost.doors.grpc.secured import ALPN
from scoringhost.engine.engine import Engine
from scoringhost.http.app import HttpApp
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.process.at_fork import in_child
from scoringhost.settings import Settings

MIB = 1024 * 1024

SETTLE_S = 0.05
"""Seconds for which connections are taken after new ones are kept out: some are on their way into the backlog."""

TOLD_S = 1.0
"""Seconds that clients have to hear that they are to go elsewhere."""

POLL_S = 0.005


class GrpcDoor:
    """One worker's share of the gRPC port; see `WorkerDoor`."""

    def __init__(self, settings: Settings, *, is_guarded: bool) -> None:
        """Do nothing yet. is_guarded: there are guards, to be asked before a message is read."""
        assert settings.grpc_port is not None
        self._port_number = settings.grpc_port
        self._port = Port(settings.host, settings.grpc_port)
        largest, in_flight = settings.grpc_max_message_mb * MIB, BodiesInFlight(settings.max_bodies_mb * MIB)
        self._calls = Calls(is_guarded=is_guarded, largest=largest, in_flight=in_flight)
        limits = TimeLimits(settings.head_timeout_s, settings.write_timeout_s, settings.min_upload_bytes_per_s)
        self.connections = Connections(self._calls, limits, certificates_of(settings, ALPN))
        self._beside = Beside(self._port, self.connections)
        self._engine: Engine | None = None
        self._health_look: asyncio.TimerHandle | None = None
        self._is_standing_by = False

    def stand_by(self) -> None:
        """Listen, and say that nothing is ready; see `WorkerDoor`."""
        if not self._is_standing_by:
            self._is_standing_by = True
            in_child(self._cut_off)
            self._port.listen()
            self._beside.start()

    def serve(self, engine: Engine) -> None:
        """Know what is to be served; see `WorkerDoor`."""
        self._engine = engine

    def help_out(self, thread: ScoringThread) -> None:
        """Answer health beside a run(); see `WorkerDoor`."""
        self._beside.help_out(thread)

    # -- Door, on the event loop that scores ----------------------------------------------------------------

    async def start(self, app: HttpApp) -> None:
        """Take calls."""
        assert self._engine is not None
        self.stand_by()
        site = self._engine.site
        assert site.grpc_app is not None, "the site was made without gRPC"
        self._beside.leave()
        self._calls.open(site.grpc_app, lambda: site.host.ready, set(site.model_names))
        self.connections.start()
        self._port.watch(self._calls.loop, self.connections.take)
        self._look_at_health()
        self._calls.go_on()

    def _look_at_health(self) -> None:
        """Tell who watches it what is new, every now and then."""
        self._health_look = self._calls.loop.call_later(LOOK_S, self._look_at_health)
        for connection in self._calls.look_at_watchers():
            connection.flush()

    async def stop_accepting(self, by_s: float) -> None:
        """Tell clients to send their next call elsewhere, and listen no more."""
        self._port.refuse()
        await asyncio.sleep(SETTLE_S)
        self._port.close()
        self._calls.stop()
        for connection in self._calls.look_at_watchers():
            connection.flush()
        # Those that have just been taken are told as soon as they are driven.
        await self._until(lambda: self.connections.are_driven, TOLD_S)
        self.connections.go_away()
        await self._until(lambda: self.connections.are_told, min(TOLD_S, by_s - time.monotonic()))
        self.connections.refuse_more()

    async def finish(self, by_s: float) -> bool:
        """Wait until every call has been answered, or for the time; returns whether they have."""
        is_over = await self._until(lambda: not self.connections.open, by_s - time.monotonic())
        if is_over:
            self.connections.close()
            if self._health_look is not None:
                self._health_look.cancel()
        return is_over

    @staticmethod
    async def _until(holds: Callable[[], bool], within_s: float) -> bool:
        by_s = time.monotonic() + within_s
        while not holds():
            if time.monotonic() >= by_s:
                return False
            await asyncio.sleep(POLL_S)
        return True

    def cancel(self) -> None:
        """Answer every call that is under way with UNAVAILABLE."""
        self._calls.cancel()

    @property
    def requests(self) -> int:
        """How many calls have come."""
        return self._calls.begun

    # -- processes that the script forks ----------------------------------------------------------------------

    def _cut_off(self) -> None:
        """In a process that the script has forked: hold neither the port nor its connections open.

        The numbers stand for nothing then: closed ones would be given to the next files of the script.
        """
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in sockets_at(self._port_number):
            os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)


def sockets_at(port: int) -> list[int]:
    """The numbers of this process's sockets whose own end is the port; none where there is no /proc."""
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir("/proc/self/fd")
    return [int(name) for name in names if _port_of(int(name)) == port]


def _port_of(descriptor: int) -> int | None:
    """The port of an Internet socket's own end; None for whatever else it is. The descriptor stays as it is."""
    with suppress(OSError):
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            one = socket.socket(fileno=descriptor)
            try:
                if one.family in (socket.AF_INET, socket.AF_INET6):
                    return int(one.getsockname()[1])
            finally:
                one.detach()
    return None
