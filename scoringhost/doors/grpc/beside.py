"""Beside: connections are driven on a thread of their own while the event loop that scores does not run.

That is before init() has returned, and while a run() on the spot takes longer than was expected of it
(`doors/server/moving_loop.py`). Health is answered, pings too, and what comes is read; other calls wait.

Two threads must never drive one connection. The loop's is kept in its run() for as long as this one is at work
(`ScoringThread.held`): it only comes back to its sockets afterwards. What both leave behind is whole: no call is begun
in the midst of reading.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from scoringhost.doors.grpc.connection import GrpcConnection
from scoringhost.doors.grpc.connections import Connections
from scoringhost.doors.grpc.health import LOOK_S
from scoringhost.doors.grpc.port import Port
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.telemetry.logs import HOST_LOGGER

BLOCKED_LOOK_S = 0.005
"""Seconds between two looks at whether a run() still holds up the event loop."""

READ = 65_536

log = logging.getLogger(HOST_LOGGER)

Held = Callable[[], AbstractContextManager[bool]]


class Beside:
    """The thread."""

    def __init__(self, port: Port, connections: Connections) -> None:
        self._port, self._connections = port, connections
        self._bell, self._ringer = socket.socketpair()
        self._is_over = threading.Event()
        self._has_left = threading.Event()
        self._wanted = threading.Event()
        self._blocked_by: ScoringThread | None = None

    def start(self) -> None:
        """Drive connections from now on, until `leave`."""
        threading.Thread(target=self._work, name="grpc", daemon=True).start()

    def leave(self) -> None:
        """Leave all connections to the caller."""
        self._is_over.set()
        with contextlib.suppress(OSError):
            self._ringer.send(b"!")
        self._has_left.wait()
        self._bell.close()
        self._ringer.close()

    def help_out(self, thread: ScoringThread) -> None:
        """Drive connections for as long as a run() on that thread holds up the event loop; returns at once."""
        self._blocked_by = thread
        self._wanted.set()

    def _work(self) -> None:
        self._drive(self._standing_by, LOOK_S, self._bell)
        self._has_left.set()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._blocked_by is not None and self._connections.calls.is_open:
                self._drive(self._blocked, BLOCKED_LOOK_S, None)

    @contextmanager
    def _standing_by(self) -> Iterator[bool]:
        yield not self._is_over.is_set()

    @contextmanager
    def _blocked(self) -> Iterator[bool]:
        assert self._blocked_by is not None
        calls = self._connections.calls
        with self._blocked_by.held() as is_blocked:
            calls.is_beside = is_blocked
            try:
                yield is_blocked
            finally:
                calls.is_beside = False

    def _drive(self, held: Held, look_s: float, bell: socket.socket | None) -> None:
        round_ = _Round(self._port, self._connections)
        try:
            with held() as goes_on:
                if goes_on:
                    round_.watch_all(bell)
            while goes_on:
                ready = round_.selector.select(look_s)
                with held() as goes_on:
                    if goes_on:
                        round_.serve(ready)
        finally:
            round_.end()


class _Round:
    """One time that connections are driven so."""

    def __init__(self, port: Port, connections: Connections) -> None:
        self._port, self._connections = port, connections
        self.selector = selectors.DefaultSelector()
        self._touched: set[GrpcConnection] = set()
        self._new: list[GrpcConnection] = []

    def watch_all(self, bell: socket.socket | None) -> None:
        """Watch what listens, and what is open."""
        for listener in self._port.sockets:
            self.selector.register(listener, selectors.EVENT_READ)
        if bell is not None:
            self.selector.register(bell, selectors.EVENT_READ)
        for connection in self._connections.open:
            self._watch(connection)

    def _watch(self, connection: GrpcConnection) -> None:
        descriptor = connection.socket.fileno()
        if descriptor >= 0 and not connection.is_choked:
            self.selector.register(descriptor, selectors.EVENT_READ, connection)

    def serve(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        """Take what has come, and tell who watches health."""
        for key, _ in ready:
            if isinstance(key.data, GrpcConnection):
                self._read(key.data)
            elif key.fileobj in self._port.sockets:
                self._accept(key.fileobj)
        self._touched.update(self._connections.calls.look_at_watchers())
        for connection in list(self._touched):
            connection.flush()

    def _accept(self, listener: socket.socket) -> None:
        if time.monotonic() < self._port.rests_until_s:
            time.sleep(BLOCKED_LOOK_S)  # the socket stays readable, and this thread would spin on it
            return
        taken = self._port.take_one(listener)
        if taken is not None:
            connection = self._connections.make(taken)
            self._new.append(connection)
            self._touched.add(connection)
            self._watch(connection)

    def _read(self, connection: GrpcConnection) -> None:
        try:
            data = os.read(connection.socket.fileno(), READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._touched.add(connection)
            try:
                connection.take(data)
            except Exception:  # of ours: this connection ends, and the thread goes on
                log.exception("gRPC: a connection is given up")
                connection.end_soon()
            return
        self.selector.unregister(connection.socket.fileno())
        if not connection.has_transport:
            connection.close_at_once()
        # else: its transport hears of the end, too, when the event loop goes on

    def end(self) -> None:
        """Hand everything back to the event loop, if there is one."""
        self.selector.close()
        calls = self._connections.calls
        if calls.is_open and (self._touched or self._new):
            calls.loop.call_soon_threadsafe(self._hand_back)

    def _hand_back(self) -> None:
        for connection in self._new:
            self._connections.adopt(connection)
        self._connections.calls.go_on()
        for connection in self._touched:
            connection.flush()
