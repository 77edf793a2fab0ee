"""What a worker does beside the script and the server: its event loop, heartbeat, signals, and how it ends.

The event loop is on a thread of its own or, while calls are short, on the main thread with the
script (`moving_loop.py`). The end, from SIGTERM on:

1. The master lets no new connections in (`listening.refuse_new`), closes its copies of the
   listening sockets, and passes the signal on.
2. Each worker says no to readiness, has kept connections closed after their next answer, and goes
   on accepting until nothing can wait any more. Only then it closes its copies: with the last one
   the backlog is gone, and whatever is in it is reset (`server_door.py`).
3. What was taken in has `drain_timeout_s` from the signal on.
4. Then calls that wait are refused, those that run are answered with a 503 and broken off, and
   have PATIENCE_S to end (`engine/engine.py`).
5. shutdown() runs; GRACE_S after the drain the master kills whoever is still there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from scoringhost.doors.certificates import certificates_of
from scoringhost.doors.server.connection_limits import intake_of
from scoringhost.doors.server.forked import keep_apart_connections
from scoringhost.doors.server.moving_loop import MovingLoop
from scoringhost.doors.server.server_door import ServerDoor, listeners_at, server_config
from scoringhost.doors.server.side_door import SideDoor
from scoringhost.doors.server.wear import Wear
from scoringhost.engine.engine import REPLACED, Engine
from scoringhost.errors import DeadlineExceeded, NotReady
from scoringhost.http.app import STOPPING, HttpApp
from scoringhost.kernel.thread_runner import PATIENCE_S
from scoringhost.process.memory import pss_mb
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from scoringhost.doors.server.worker import ScoringWorker

SWITCH_S = 0.0005
"""Seconds after which a thread that computes in Python lets another one have the interpreter lock.

With the default of 5 ms, a health probe beside a run() in pure Python takes some 20 ms.
"""

BLOCKED_S = 0.02
"""Seconds that a run() on the spot may take before somebody else looks after health probes."""

BEAT_S = 1.0
"""Seconds between two signs of life."""

QUICK_BEAT_S = 0.1
"""The same, where somebody waits for readiness to say no: `shutdown_delay_s`."""

GRACE_S = 8
"""Seconds from the end of the drain to the master's kill: PATIENCE_S for run(), the rest for shutdown()."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""What has a worker end in order. A terminal that is closed sends SIGHUP to all processes: the master starts new
workers then, and these must not leave their requests behind."""

log = logging.getLogger(HOST_LOGGER)


def _watched_signals() -> socket.socket:
    """Readable as soon as a signal to stop has come, even if the main thread is busy in C code."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(os.dup(writer.detach()), warn_on_full_buffer=False)
    return reader


class WorkerLife:
    """One worker from the moment it is ready until it ends. The main thread is the engine's first scoring thread."""

    def __init__(self, worker: ScoringWorker, engine: Engine) -> None:
        self._worker, self._engine = worker, engine
        self._loop = engine.loop = _new_loop()  # known before it runs: a signal may come any time
        engine.start_threads(lent=True)
        self._main = engine.threads[0]
        self._moving = MovingLoop(self._loop, self._main, self._watch, stays=engine.site.all_async)
        settings = worker.app.settings
        self._certificates = certificates_of(settings)
        health = self._side_door(engine.site.health_app, settings.health_ports)
        self._door = ServerDoor(worker, engine, self._loop, self._certificates, health)
        engine.doors.append(self._door)
        self._beat_s = QUICK_BEAT_S if settings.shutdown_delay_s else BEAT_S
        metrics = self._side_door(engine.site.metrics_app, (settings.metrics_port,))
        engine.doors += [door for door in (health, metrics) if door is not None]
        for door in worker.more_doors:
            door.serve(engine)
            engine.doors.append(door)

    def _side_door(self, app: HttpApp | None, ports: Sequence[int | None]) -> SideDoor | None:
        """A door for what is served on a port of its own, if that is so."""
        listeners = listeners_at(ports, self._worker.sockets)
        if app is None or not listeners:
            return None
        settings = self._worker.app.settings
        return SideDoor(server_config(intake_of(app, settings), settings.keep_alive_s), listeners, self._loop)

    def run(self) -> None:
        """On the main thread: serve until told to stop."""
        sys.setswitchinterval(SWITCH_S)
        self._signals = _watched_signals()
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_python_signal)
        keep_apart_connections(self._loop, self._signals, self._door.server, self._engine.threads)
        try:
            self._moving.run(self._serve())
        finally:
            for thread in self._engine.threads[1:]:
                thread.close()

    async def _serve(self) -> None:
        await self._engine.start(self._moving)
        self._loop.add_reader(self._signals.fileno(), self._on_signal)
        beat = self._loop.create_task(self._heartbeat())
        self._wear = Wear(self._worker)
        self._worker.link.tell_ready()
        # Before the log, from which somebody may conclude that it may be killed.
        self._worker.app.service_link.tell_served(True)
        if self._worker.own_listener is not None:
            self._worker.own_listener.show()
        # After requests may come: it walks through all pages, which takes some milliseconds of a start.
        size_mb = pss_mb()
        memory = f"; its share of memory (PSS) is {size_mb:.0f} MB" if size_mb is not None else ""
        log.info("worker %d is ready for requests%s", os.getpid(), memory)
        await self._engine.ended()
        beat.cancel()

    async def _heartbeat(self) -> None:
        while True:
            self._worker.notify()
            if self._worker.ppid != os.getppid() and not self._door.master_has_gone:
                log.warning("the master has gone; this worker ends")
                self._door.master_has_gone = True
                self._engine.ask_to_stop()
            if self._certificates is not None:
                self._certificates.look()
            others = sum([door.requests for door in self._worker.more_doors])
            self._wear.look(self._door.server.server_state.total_requests + others)
            if self._worker.app.service_link.is_leaving and not self._engine.is_told_to_stop:
                self._engine.drain()  # for those who ask; everybody else is answered as before
            await asyncio.sleep(self._beat_s)

    # -- a run() that blocks the event loop ---------------------------------------------------------

    def _watch(self) -> None:
        """On the I/O thread, while the loop is on the main one: what the loop cannot do during a run()."""
        if self._main.busy_here_s() > BLOCKED_S:
            for door in self._worker.more_doors:
                door.help_out(self._main)
            self._door.answer_probes(self._is_blocked)
        elif self._engine.drain_over_s() > PATIENCE_S:  # an async run() that does not await
            self._give_up(NotReady(STOPPING))

    def _is_blocked(self) -> bool:
        self._worker.notify()
        self._on_signal()
        why = self._engine.break_off_overdue(self._worker.app.settings.limit_s)
        if why is not None:
            self._give_up(why)
        return self._main.busy_here_s() > 0.0

    def _give_up(self, why: DeadlineExceeded | NotReady) -> None:
        """End the process from the I/O thread, with an answer to whoever waits for the run() that does not end."""
        is_stop = self._engine.is_told_to_stop
        what = "ended without shutdown()" if is_stop else "given up and replaced"
        log.error("run() does not end; this worker is %s\n%s", what, self._main.stack())
        others = NotReady(STOPPING if is_stop else REPLACED)
        for connection in self._door.connections:
            try:
                connection.last_words(why, others)
            except Exception:  # the process must end none the less, and the other clients be told
                log.exception("a client could not be told that its request is given up")
        self._engine.abandon_process()

    # -- signals --------------------------------------------------------------------------------------

    def _on_python_signal(self, signum: int, frame: object) -> None:
        """On the main thread; while that is busy in C code, `_on_signal` is quicker."""
        self._told_to_stop()

    def _told_to_stop(self) -> None:
        """End; but a signal that has come to the whole process group waits for the master's, after the delay."""
        link, delay_s = self._worker.link, self._worker.app.settings.shutdown_delay_s
        if not delay_s or link.service_ends or link.is_replaced or self._door.master_has_gone:
            self._engine.ask_to_stop()
        else:
            later = partial(self._loop.call_later, delay_s + BEAT_S, self._engine.ask_to_stop)
            self._loop.call_soon_threadsafe(later)

    def _on_signal(self) -> None:
        try:
            numbers = self._signals.recv(4096)
        except BlockingIOError:
            return
        if any(number in STOP_SIGNALS for number in numbers):
            self._told_to_stop()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
