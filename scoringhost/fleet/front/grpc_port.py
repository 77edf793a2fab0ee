"""The gRPC port of a front: the door of a server for one service, with other ideas of models and their health."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

from scoringhost.dialects.oip_grpc.pool import INFERENCE_SERVICE
from scoringhost.doors.grpc.call import Call
from scoringhost.doors.grpc.call_taker import CallTaker
from scoringhost.doors.grpc.calls import MIB, Calls
from scoringhost.doors.grpc.health import Health as GrpcHealth
from scoringhost.doors.grpc.port import Port
from scoringhost.doors.grpc.unary import ScoringCall
from scoringhost.errors import NotReady
from scoringhost.fleet.front.front_app import FrontRoutes
from scoringhost.fleet.front.grpc_dialect import OLDER_PATHS, FrontGrpc
from scoringhost.fleet.front.grpc_relay import ReplicaResponse
from scoringhost.fleet.front.pages import Health
from scoringhost.fleet.front.repository import ChannelRepository
from scoringhost.fleet.routing import RoutingTable, State
from scoringhost.http.app import HttpApp
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.settings import Settings
from scoringhost.telemetry.log_observer import LogObserver

CUT_S = 1.0
"""Seconds that clients have to read that their calls will not be answered."""


class FrontHealth(GrpcHealth):
    """Health, also of each service by its name."""

    def __init__(self, is_serving: Callable[[], bool], table: Callable[[], RoutingTable]) -> None:
        super().__init__(is_serving, set)
        self._table = table

    def _serves_model(self, name: str) -> bool | None:
        service = self._table().services.get(name)
        if service is None:
            return None
        return any(one.state is State.READY or one.wakes for one in service.versions.values())


class FrontCalls(Calls):
    """Calls that a front takes: whether a model is ready is for a replica to say, which takes a while."""

    def __init__(self, settings: Settings, table: Callable[[], RoutingTable], *, is_guarded: bool) -> None:
        super().__init__(settings, is_guarded=is_guarded)
        self.health = FrontHealth(self._serves, table)

    def _kinds(self) -> dict[str, type[Call]]:
        more = (f"/{INFERENCE_SERVICE}/ModelReady", *OLDER_PATHS)
        return {**super()._kinds(), **dict.fromkeys(more, ScoringCall)}


class FrontLog(LogObserver):
    """The log of a front, which leaves out what replicas have answered: theirs has it."""

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """The access line of what the front has answered itself."""
        if not isinstance(response, ReplicaResponse):
            super().sent(request, response, elapsed_ms, size, whole)


class FrontGrpcPort:
    """Takes calls from `start` on, until `end`."""

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[socket.socket],
        routes: FrontRoutes,
        health: Health,
        repository: ChannelRepository,
        make_app: Callable[..., HttpApp],
    ) -> None:
        """make_app: an application with the front's guards and watchers, of dialects and a log.

        Raises:
            SettingsError: if a certificate cannot be used.
        """
        largest = settings.grpc_max_message_mb * MIB
        self._app = make_app([FrontGrpc(routes, health, repository, largest)], FrontLog())
        self._health = health
        calls = FrontCalls(settings, lambda: routes.directory.table, is_guarded=bool(self._app.guards))
        port = Port(settings.host, settings.grpc_port or 0, listeners)
        self._taker = CallTaker(settings, port, calls)

    def start(self) -> None:
        """Take calls, on the running event loop."""
        self._taker.take_calls(self._app, self._is_ready, set())

    def _is_ready(self) -> bool:
        try:
            self._health.require_ready()
        except NotReady:
            return False
        return True

    async def end(self, by_s: float, *, keeps_out: bool) -> None:
        """Take no more connections, and answer the calls that have come, or cut them off when their time is over.

        keeps_out: nobody else listens on the same sockets.
        """
        taker = self._taker
        await taker.stop_accepting(by_s, keeps_out=keeps_out)
        if not await taker.finish(by_s):
            taker.cancel()
            await taker.finish(time.monotonic() + CUT_S)
