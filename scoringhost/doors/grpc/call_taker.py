"""CallTaker: the calls that come to one process over gRPC, from the first one to the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from scoringhost.doors.certificates import certificates_of
from scoringhost.doors.grpc.calls import Calls
from scoringhost.doors.grpc.connections import Connections, TimeLimits
from scoringhost.doors.grpc.health import LOOK_S
from scoringhost.doors.grpc.port import Port
from scoringhost.doors.grpc.secured import ALPN
from scoringhost.http.app import HttpApp
from scoringhost.settings import Settings

SETTLE_S = 0.05
"""Seconds for which connections are taken after new ones are kept out: some are on their way into the backlog."""

TOLD_S = 1.0
"""Seconds that clients have to hear that they are to go elsewhere."""

POLL_S = 0.005


class CallTaker:
    """Takes the connections of a port, and has an application answer the calls on them."""

    def __init__(self, settings: Settings, port: Port, calls: Calls) -> None:
        """Do nothing yet.

        Raises:
            SettingsError: if a certificate cannot be used.
        """
        self.port, self.calls = port, calls
        limits = TimeLimits(settings.head_timeout_s, settings.write_timeout_s, settings.min_upload_bytes_per_s)
        self.connections = Connections(calls, limits, certificates_of(settings, ALPN))
        self._health_look: asyncio.TimerHandle | None = None

    def take_calls(self, app: HttpApp, is_ready: Callable[[], bool], names: set[str]) -> None:
        """Take calls from now on, on the running event loop. names: of the models, for health."""
        self.calls.open(app, is_ready, names)
        self.connections.start()
        self.port.watch(self.calls.loop, self.connections.take)
        self._look_at_health()
        self.calls.go_on()

    def _look_at_health(self) -> None:
        """Tell who watches it what is new, every now and then."""
        self._health_look = self.calls.loop.call_later(LOOK_S, self._look_at_health)
        for connection in self.calls.look_at_watchers():
            connection.flush()

    async def stop_accepting(self, by_s: float, *, keeps_out: bool = True) -> None:
        """Tell clients to send their next call elsewhere, and listen no more.

        keeps_out: new connections are refused. Not if other processes go on listening on the same sockets.
        """
        if keeps_out:
            self.port.refuse()
        await asyncio.sleep(SETTLE_S)
        self.port.close()
        self.calls.stop()
        for connection in self.calls.look_at_watchers():
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
        self.calls.cancel()

    @property
    def requests(self) -> int:
        """How many calls have come."""
        return self.calls.begun
