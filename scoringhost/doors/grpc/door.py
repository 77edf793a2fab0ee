"""The gRPC door of a worker: listening before the service is there, serving it, and leaving with it."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from contextlib import suppress

from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.doors.grpc.bridge import Bridge
from scoringhost.doors.grpc.calls import Calls, Context
from scoringhost.doors.grpc.certificates import NAME_HEADER, credentials_of, name_of
from scoringhost.doors.grpc.server import GrpcServer, Listening
from scoringhost.engine.engine import Engine
from scoringhost.http.app import HttpApp
from scoringhost.process.at_fork import in_child
from scoringhost.settings import Settings, address

MIB = 1024 * 1024


class GrpcDoor:
    """One worker's share of the gRPC port; see `WorkerDoor`."""

    def __init__(self, settings: Settings, *, is_guarded: bool) -> None:
        """Do nothing yet. is_guarded: there are guards, to be asked before a message is read."""
        assert settings.grpc_port is not None
        self._port = settings.grpc_port
        is_secure = settings.tls_certificate is not None
        introduce = _introduce if is_secure else _nobody
        credentials = (lambda: credentials_of(settings)) if is_secure else None
        listening = Listening(address(settings.host, self._port), settings.grpc_max_message_mb * MIB, credentials)
        self._server = GrpcServer(listening, lambda: Calls(is_guarded=is_guarded, introduce=introduce))
        self._engine: Engine | None = None
        self._bridge: Bridge | None = None

    def stand_by(self) -> None:
        """Listen, and say that nothing is ready; see `WorkerDoor`."""
        if not self._server.listens:
            in_child(self._cut_off)
            self._server.listen()

    def serve(self, engine: Engine) -> None:
        """Know what is to be served; see `WorkerDoor`."""
        self._engine = engine

    # -- Door, on the event loop that scores ----------------------------------------------------------------

    async def start(self, app: HttpApp) -> None:
        """Take calls."""
        assert self._engine is not None
        self.stand_by()
        site, scoring = self._engine.site, asyncio.get_running_loop()
        own_app = site.grpc_app
        assert own_app is not None, "the site was made without gRPC"

        def open_calls(calls: Calls) -> None:
            self._bridge = Bridge(own_app, scoring)
            calls.open(self._bridge, lambda: site.host.ready, set(site.model_names))

        await self._server.open(open_calls)

    async def stop_accepting(self, by_s: float) -> None:
        """Tell clients to send their next call elsewhere, and listen no more."""
        await self._server.go(by_s)

    async def finish(self, by_s: float) -> bool:
        """Wait until every call has been answered, or for the time; returns whether they have."""
        return await self._server.gone(by_s)

    def cancel(self) -> None:
        """Answer every call that is under way with UNAVAILABLE."""
        if self._bridge is not None:
            self._bridge.cancel()

    @property
    def requests(self) -> int:
        """How many calls have come."""
        calls = self._server.calls
        return 0 if calls is None else calls.begun

    # -- processes that the script forks ----------------------------------------------------------------------

    def _cut_off(self) -> None:
        """In a process that the script has forked: hold neither the port nor its connections open.

        C-core does not say which sockets are its own; they are those with the port. The numbers stand for nothing
        then: closed ones would be given to the next files of the script.
        """
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in sockets_at(self._port):
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


def _introduce(request: GrpcRequest, context: Context) -> None:
    """Say who is calling, by the certificate; what a client sends under that name is dropped."""
    request.scheme = "https"
    request.headers.pop(NAME_HEADER, None)
    name = name_of(context.auth_context())
    if name:
        request.headers[NAME_HEADER] = name
        request.caller = name


def _nobody(request: GrpcRequest, context: Context) -> None:
    """Without TLS nobody knows who is calling."""
