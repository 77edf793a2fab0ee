"""Connections: all of one worker's, their limits of time, and how they go."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import dataclass
from typing import Any

from scoringhost.doors.certificates import Certificates
from scoringhost.doors.grpc.calls import Calls
from scoringhost.doors.grpc.connection import GrpcConnection
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.doors.grpc.message_stream import MessageStream
from scoringhost.doors.grpc.secured import Secured
from scoringhost.telemetry.logs import HOST_LOGGER

LOOK_S = 5.0
"""Seconds between two looks at whether connections keep to their limits of time."""

QUIET_S = 60.0
"""Seconds without a byte after which a client is asked whether it is still there."""

WINDOW_S = 10.0
"""Seconds over which it is measured how quickly a message comes; as over HTTP."""

TOO_SLOW = "DEADLINE_EXCEEDED"

log = logging.getLogger(HOST_LOGGER)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """In seconds. head_s: until a client has said that it speaks HTTP/2. write_s: that it may leave all unread.

    upload_rate: bytes a second that a call must bring while a message of it is on its way; 0: no minimum.
    """

    head_s: float = 20.0
    write_s: float = 30.0
    upload_rate: float = 240.0


class Connections:
    """Those that are open."""

    def __init__(self, calls: Calls, limits: TimeLimits, certificates: Certificates | None) -> None:
        self.calls, self._limits, self._certificates = calls, limits, certificates
        self.open: set[GrpcConnection] = set()
        self._seen: dict[Any, tuple[int, int, float]] = {}
        self._adopting: set[asyncio.Task[Any]] = set()
        self._look: asyncio.TimerHandle | None = None

    def make(self, taken: socket.socket) -> GrpcConnection:
        """A connection for a socket that has been accepted."""
        secured = None
        if self._certificates is not None:
            self._certificates.look()
            secured = Secured(self._certificates.context)
        made = GrpcConnection(self.calls, taken, secured, self.open.discard)
        self.open.add(made)
        return made

    # -- on the event loop that scores ----------------------------------------------------------------------

    def start(self) -> None:
        """Drive all that are open, and look after them."""
        for connection in list(self.open):
            self.adopt(connection)
        self._look = self.calls.loop.call_later(LOOK_S, self._on_look)

    def take(self, taken: socket.socket) -> None:
        """Drive a new one."""
        self.adopt(self.make(taken))

    def adopt(self, connection: GrpcConnection) -> None:
        """Drive one from now on."""
        if connection.is_closed:
            return
        connecting = self.calls.loop.connect_accepted_socket(lambda: connection, connection.socket)
        task = self.calls.loop.create_task(connecting)
        self._adopting.add(task)
        task.add_done_callback(self._adopted)

    def _adopted(self, task: asyncio.Task[Any]) -> None:
        self._adopting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("a connection has not come about: %s", task.exception())

    def _on_look(self) -> None:
        self._look = self.calls.loop.call_later(LOOK_S, self._on_look)
        self.look(time.monotonic())

    def look(self, now_s: float) -> None:
        """End what has not kept to its limits. now_s: of `time.monotonic`."""
        seen, self._seen = self._seen, {}
        for connection in list(self.open):
            if not connection.http2.is_greeted and now_s - connection.began_s > self._limits.head_s:
                connection.cut_off("nothing has come")
            elif self._is_stuck(connection, connection.unsent, connection.sent, seen, now_s):
                connection.abort()
            elif now_s - connection.heard_s > QUIET_S:
                self._ask_for_life(connection)
            self._look_at_streams(connection, seen, now_s)

    def _ask_for_life(self, connection: GrpcConnection) -> None:
        if not connection.http2.is_alive:
            connection.abort()
        else:
            connection.http2.ask_for_life()
            connection.flush()

    def _is_stuck(
        self, key: Any, waiting: int, moved: int, seen: dict[Any, tuple[int, int, float]], now_s: float
    ) -> bool:
        """Whether something waits to be read by the client, and nothing has been for too long."""
        if not waiting:
            return False
        before = seen.get(key)
        since_s = now_s if before is None or before[0] != moved else before[2]
        self._seen[key] = moved, waiting, since_s
        return now_s - since_s >= self._limits.write_s

    def _is_slow(
        self, connection: GrpcConnection, stream: Stream, seen: dict[Any, tuple[int, int, float]], now_s: float
    ) -> bool:
        """Whether less than the minimum has come over a while, though there is room for it."""
        key = connection, stream.number, "up"
        before = seen.get(key)
        if before is None or not self._limits.upload_rate or stream.may_come <= 0:
            self._seen[key] = stream.came, 0, now_s
            return False
        came, _, since_s = before
        if now_s - since_s < WINDOW_S:
            self._seen[key] = before
            return False
        self._seen[key] = stream.came, 0, now_s
        return stream.came - came < self._limits.upload_rate * (now_s - since_s)

    def _look_at_streams(
        self, connection: GrpcConnection, seen: dict[Any, tuple[int, int, float]], now_s: float
    ) -> None:
        for stream in list(connection.http2.streams.values()):
            call = stream.call
            if call is not None and not stream.is_ended and call.is_overdue:
                call.expire()
            elif call is not None and call.is_midway and self._is_slow(connection, stream, seen, now_s):
                call.fail(TOO_SLOW, f"a message comes with less than {self._limits.upload_rate:.0f} bytes a second")
            elif self._is_stuck((connection, stream.number), stream.waiting, stream.sent, seen, now_s):
                connection.give_up(stream)
        connection.flush()

    # -- their end --------------------------------------------------------------------------------------------

    def go_away(self) -> None:
        """Tell all clients to send their next calls elsewhere, and streams to end with what has come."""
        for connection in list(self.open):
            connection.go_away()
            for stream in list(connection.http2.streams.values()):
                if isinstance(stream.call, MessageStream):
                    stream.call.wake()

    def refuse_more(self) -> None:
        """Answer no more calls than have come, whether or not clients have understood."""
        for connection in list(self.open):
            connection.http2.refuse_more()
            connection.flush()

    @property
    def are_driven(self) -> bool:
        """Whether the event loop has all of them."""
        return not self._adopting

    @property
    def are_told(self) -> bool:
        """Whether all clients know that they are to go elsewhere."""
        return all(connection.is_drained for connection in self.open)

    def close(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
