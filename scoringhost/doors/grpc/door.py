"""The gRPC door of a worker: listening before the service is there, serving it, and leaving with it."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress

from scoringhost.doors.grpc.beside import Beside
from scoringhost.doors.grpc.call_taker import CallTaker
from scoringhost.doors.grpc.calls import Calls
from scoringhost.doors.grpc.port import Port
from scoringhost.engine.engine import Engine
from scoringhost.http.app import HttpApp
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.process.at_fork import in_child
from scoringhost.settings import Settings


class GrpcDoor(CallTaker):
    """One worker's share of the gRPC port; see `WorkerDoor`."""

    def __init__(self, settings: Settings, *, is_guarded: bool) -> None:
        """Do nothing yet. is_guarded: there are guards, to be asked before a message is read."""
        assert settings.grpc_port is not None
        self._port_number = settings.grpc_port
        super().__init__(settings, Port(settings.host, settings.grpc_port), Calls(settings, is_guarded=is_guarded))
        self._beside = Beside(self.port, self.connections)
        self._engine: Engine | None = None
        self._is_standing_by = False

    def stand_by(self) -> None:
        """Listen, and say that nothing is ready; see `WorkerDoor`."""
        if not self._is_standing_by:
            self._is_standing_by = True
            in_child(self._cut_off)
            self.port.listen()
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
        self.take_calls(site.grpc_app, lambda: site.host.ready, set(site.model_names))

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
