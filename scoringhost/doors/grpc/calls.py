"""Calls: every call of one worker over gRPC, what they are for, and what they have in common."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scoringhost.dialects.oip_grpc.pool import (
    HEALTH,
    INFERENCE_SERVICE,
    OLDER_REFLECTION,
    REFLECTION,
    Method,
    messages,
)
from scoringhost.dialects.oip_grpc.words import OPEN
from scoringhost.doors.bodies_in_flight import BodiesInFlight
from scoringhost.doors.grpc.call import Call
from scoringhost.doors.grpc.health import CheckCall, Health, WatchCall
from scoringhost.doors.grpc.reflection import ReflectionCall
from scoringhost.doors.grpc.streams import InferStream
from scoringhost.doors.grpc.unary import OpenCall, ScoringCall
from scoringhost.http.app import STOPPING, HttpApp
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from scoringhost.doors.grpc.connection import GrpcConnection

OPEN_NAMES = frozenset(OPEN)

MIB = 1024 * 1024

TOGETHER_S = 0.001
"""Seconds for which answers are gathered that go out together."""

log = logging.getLogger(HOST_LOGGER)


class Calls:
    """Before `open` it is only said that nothing is ready; whatever else comes waits."""

    app: HttpApp
    loop: asyncio.AbstractEventLoop

    def __init__(self, settings: Settings, *, is_guarded: bool) -> None:
        """is_guarded: guards are to be asked before a message is read."""
        self.is_guarded = is_guarded
        self.largest = settings.grpc_max_message_mb * MIB
        """How many bytes a message may have."""
        self.in_flight = BodiesInFlight(settings.max_bodies_mb * MIB)
        self.is_open = self.is_stopping = False
        self.is_beside = False
        """Whether a run() holds up the event loop that scores, and another thread drives the connections."""
        self._is_ready: Callable[[], bool] = _not_yet
        self._names: set[str] = set()
        self.todo: deque[Call] = deque()
        """What the event loop that scores is to go on with."""
        self.tasks: set[asyncio.Task[Any]] = set()
        """Calls that are scored and wait for something."""
        self._kept: set[asyncio.Task[Any]] = set()
        self.watchers: set[WatchCall] = set()
        self.begun = 0
        """How many calls have come."""
        self.health = Health(self._serves, lambda: self._names)
        self.open_methods: dict[str, Method] = {}
        self.kinds = self._kinds()
        """What answers a call, by its path."""

    def _kinds(self) -> dict[str, type[Call]]:
        kinds: dict[str, type[Call]] = {
            f"/{HEALTH}.Health/Check": CheckCall,
            f"/{HEALTH}.Health/Watch": WatchCall,
            f"/{REFLECTION}.ServerReflection/ServerReflectionInfo": ReflectionCall,
            f"/{OLDER_REFLECTION}.ServerReflection/ServerReflectionInfo": ReflectionCall,
        }
        for method in messages().methods(INFERENCE_SERVICE):
            kinds[method.path] = InferStream if method.streams_out else ScoringCall
            if method.name in OPEN_NAMES:
                kinds[method.path] = OpenCall
                self.open_methods[method.path] = method
        return kinds

    # -- on the event loop that scores -----------------------------------------------------------------------

    def open(self, app: HttpApp, is_ready: Callable[[], bool], names: set[str]) -> None:
        """Take calls from now on, on the running event loop; names: of the models."""
        self.app, self.loop = app, asyncio.get_running_loop()
        self._is_ready, self._names = is_ready, names
        self.is_open = True

    def go_on(self) -> None:
        """Go on with every call that waits for the event loop that scores.

        Calls of one connection come in bundles, and so their answers are sent: to send something takes half of all the
        time that a small call does. But one that is ready does not wait for others that take long.
        """
        unsent: GrpcConnection | None = None
        since_s = 0.0
        while self.todo:
            call = self.todo.popleft()
            if unsent is not None and (unsent is not call.connection or time.monotonic() - since_s > TOGETHER_S):
                unsent.flush()
                unsent = None
            if unsent is None:
                unsent, since_s = call.connection, time.monotonic()
            try:
                call.go_on()
            except Exception as problem:
                self.log_problem(problem)
                call.fail("INTERNAL", "An unexpected error occurred")
        if unsent is not None:
            unsent.flush()

    def cancel(self) -> None:
        """Have every call that is under way answered with UNAVAILABLE."""
        for task in list(self.tasks):
            task.cancel(STOPPING)

    def stop(self) -> None:
        """The server goes: who watches health is told, and streams end with what has come."""
        self.is_stopping = True

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Nobody waits for this task: it must not be lost, nor complained of."""
        self._kept.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        self._kept.discard(task)
        if not task.cancelled():
            task.exception()

    # -- there, or beside it while a run() holds it up -------------------------------------------------------

    def on_loop(self, changed: asyncio.Future[None]) -> None:
        """Have a future done, from either thread."""
        if asyncio._get_running_loop() is self.loop:
            _done(changed)
        else:
            self.loop.call_soon_threadsafe(_done, changed)

    def cancel_task(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task, from either thread.

        Soon, not now: one that has not begun would leave behind what it was to await, and Python would complain.
        """
        if asyncio._get_running_loop() is self.loop:
            self.loop.call_soon(task.cancel)
        else:
            self.loop.call_soon_threadsafe(task.cancel)

    def look_at_watchers(self) -> list[GrpcConnection]:
        """Tell who watches health what is new; returns whose connections are to be flushed."""
        told = list(self.watchers)
        for watcher in told:
            watcher.look()
        return [watcher.connection for watcher in told]

    def log_problem(self, problem: BaseException | None) -> None:
        """Say that something has gone wrong which should not have."""
        log.error("gRPC: a call has ended with an error of the host", exc_info=problem)

    def _serves(self) -> bool:
        return self._is_ready() and not self.is_stopping


def _not_yet() -> bool:
    return False


def _done(changed: asyncio.Future[None]) -> None:
    if not changed.done():
        changed.set_result(None)
