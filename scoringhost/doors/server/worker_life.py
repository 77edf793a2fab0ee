"""What a worker does beside the script: sockets, HTTP, heartbeat, signals, and how it ends.

The event loop is on a thread of its own or, while calls are short, on the main thread with the
script (`moving_loop.py`). The end, from SIGTERM on:

1. The master lets no new connections in (`listening.refuse_new`), closes its copies of the
   listening sockets, and passes the signal on.
2. Each worker says no to readiness, has kept connections closed after their next answer, and goes
   on accepting until nothing can wait any more. Only then it closes its copies: with the last one
   the backlog is gone, and whatever is in it is reset.
3. What was taken in has `drain_timeout_s` from the signal on.
4. Then calls that wait are refused, those that run are answered with a 503 and broken off, and
   have PATIENCE_S to end.
5. shutdown() runs; GRACE_S after the drain the master kills whoever is still there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from scoringhost.doors.server.accepting import FairServer
from scoringhost.doors.server.connection_limits import intake_of
from scoringhost.doors.server.forked import keep_apart_connections
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.doors.server.listening import refuse_new
from scoringhost.doors.server.moving_loop import MovingLoop
from scoringhost.doors.server.probe_responder import ProbeResponder
from scoringhost.engine.site import Site
from scoringhost.errors import DeadlineExceeded, NotReady
from scoringhost.http.app import STOPPING
from scoringhost.kernel.runner import PATIENCE_S
from scoringhost.kernel.scoring_thread import ScoringThread
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

SETTLE_S = 0.2
"""Seconds for which a worker accepts after new connections are kept out: some are on their way into the backlog."""

LATE_MASTER_S = 1.0
"""Seconds that a worker waits for the master, if a signal has come to both: to a whole process group."""

ANSWER_S = 0.5
"""Seconds that the last answers have to be written."""

GRACE_S = 8
"""Seconds from the end of the drain to the master's kill: PATIENCE_S for run(), the rest for shutdown()."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
REPLACED = "The worker is being replaced; try again"

log = logging.getLogger(HOST_LOGGER)


def _watched_signals() -> socket.socket:
    """Readable as soon as a signal to stop has come, even if the main thread is busy in C code."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(os.dup(writer.detach()), warn_on_full_buffer=False)
    return reader


class WorkerLife:
    """One worker from the moment it is ready until it ends."""

    def __init__(self, worker: ScoringWorker, site: Site) -> None:
        self._worker, self._site = worker, site
        self._drain_s = worker.app.settings.drain_timeout_s
        self._threads = [ScoringThread(f"scoring-{number}") for number in range(site.threads)]
        self._drained_by_s: float | None = None  # of time.monotonic, from the moment that a stop is asked for
        self._master_has_gone = self._main_is_stuck = False
        self._listeners = [listener.sock for listener in worker.sockets]
        self._loop = _new_loop()
        self._moving = MovingLoop(self._loop, self._threads[0], self._watch, stays=site.all_async)
        self._server = FairServer(self._config(), self._leaves_to_others)
        self._probe_responder = ProbeResponder(self._listeners, site.app, self._hand_over)

    def run(self) -> None:
        """On the main thread: serve until told to stop."""
        sys.setswitchinterval(SWITCH_S)
        for thread in self._threads[1:]:
            thread.start()
        self._signals = _watched_signals()
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_python_signal)
        keep_apart_connections(self._loop, self._signals, self._server, self._threads)
        try:
            self._moving.run(self._serve())
        finally:
            for thread in self._threads[1:]:
                thread.close()

    async def _serve(self) -> None:
        movable = self._moving if len(self._threads) == 1 else None
        self._site.open(self._threads, self._retire, movable)
        self._loop.add_reader(self._signals.fileno(), self._on_signal)
        beat = self._loop.create_task(self._heartbeat())
        size_mb = pss_mb()
        memory = f"; its share of memory (PSS) is {size_mb:.0f} MB" if size_mb is not None else ""
        self._worker.link.tell_ready()  # before the log, from which somebody may conclude that it may be killed
        log.info("worker %d is ready for requests%s", os.getpid(), memory)
        await self._server.serve(sockets=self._listeners)
        await self._end()
        beat.cancel()

    def _config(self) -> uvicorn.Config:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)  # our own log says it all
        most = self._worker.max_requests  # gunicorn has added the jitter; sys.maxsize if there is no limit
        return uvicorn.Config(
            cast("Any", intake_of(self._site.app, self._worker.app.settings)),
            interface="asgi3",
            http=cast("Any", HttpProtocol),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=self._worker.app.settings.keep_alive_s,
            limit_max_requests=most if most != sys.maxsize else None,
        )

    def _leaves_to_others(self) -> bool:
        return self._worker.cfg.workers > 1 and self._site.busy

    async def _heartbeat(self) -> None:
        while True:
            self._worker.notify()
            if self._worker.ppid != os.getppid() and not self._master_has_gone:
                log.warning("the master has gone; this worker ends")
                self._master_has_gone = True
                self._ask_to_stop()
            await asyncio.sleep(1.0)

    # -- a run() that blocks the event loop ---------------------------------------------------------

    def _watch(self) -> None:
        """On the I/O thread, while the loop is on the main one: what the loop cannot do during a run()."""
        if self._threads[0].busy_here_s() > BLOCKED_S:
            self._probe_responder.guard(self._is_blocked)
        elif self._drain_over_s() > PATIENCE_S:  # an async run() that does not await
            self._give_up(NotReady(STOPPING))

    def _is_blocked(self) -> bool:
        self._worker.notify()
        self._on_signal()
        if self._drain_over_s() > 0:
            self._threads[0].break_off(STOPPING)
            if self._drain_over_s() > PATIENCE_S:
                self._give_up(NotReady(STOPPING))
        if self._threads[0].interrupt_overdue() > PATIENCE_S:
            self._give_up(DeadlineExceeded(self._worker.app.settings.limit_s or 0.0))
        return self._threads[0].busy_here_s() > 0.0

    def _drain_over_s(self) -> float:
        """For how long the time to drain has been over, in seconds; 0 if it is not."""
        return 0.0 if self._drained_by_s is None else max(0.0, time.monotonic() - self._drained_by_s)

    def _hand_over(self, connection: socket.socket, data: bytes) -> None:
        self._loop.call_soon_threadsafe(self._server.take, connection, data)

    def _retire(self) -> None:
        """A run() cannot be stopped: refuse what waits for it, finish the rest, let the master replace us."""
        log.error("run() does not end; this worker is given up and replaced\n%s", self._threads[0].stack())
        self._main_is_stuck = True
        self._site.refuse_waiting(REPLACED)
        self._wind_down()

    def _give_up(self, why: DeadlineExceeded | NotReady) -> None:
        """End the process from the I/O thread, with an answer to whoever waits for the run() that does not end."""
        what = "given up and replaced" if self._drained_by_s is None else "ended without shutdown()"
        log.error("run() does not end; this worker is %s\n%s", what, self._threads[0].stack())
        others = NotReady(REPLACED if self._drained_by_s is None else STOPPING)
        for connection in self._server.connections:
            connection.last_words(why, others)
        _end_process()

    # -- the end --------------------------------------------------------------------------------------

    def _on_python_signal(self, signum: int, frame: object) -> None:
        """On the main thread; while that is busy in C code, `_on_signal` is quicker."""
        self._ask_to_stop()

    def _on_signal(self) -> None:
        try:
            numbers = self._signals.recv(4096)
        except BlockingIOError:
            return
        if any(number in STOP_SIGNALS for number in numbers):
            self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        """From any thread, and from a signal handler."""
        if self._drained_by_s is None:
            self._drained_by_s = time.monotonic() + self._drain_s
        self._loop.call_soon_threadsafe(self._wind_down)

    def _wind_down(self) -> None:
        if not self._server.should_exit:
            self._site.drain()
            self._server.should_exit = True  # uvicorn looks ten times a second
            self._server.tell_connections()

    async def _end(self) -> None:
        """Take what waits, close, finish."""
        takes_the_rest = self._drained_by_s is not None and not self._main_is_stuck
        self._wind_down()
        by_s = self._drained_by_s or time.monotonic() + self._drain_s
        if takes_the_rest and await self._is_for_good():
            await asyncio.sleep(SETTLE_S)
            await self._server.take_what_waits(by_s)
        self._probe_responder.close()
        await self._server.close_listeners(self._listeners)
        self._server.tell_connections()
        if not await self._server.ended(by_s):
            await self._break_off()
        if self._main_is_stuck:
            _end_process()  # the main thread cannot be ended in any other way

    async def _is_for_good(self) -> bool:
        """Whether nobody takes this worker's place: what waits for it is lost unless it is taken now.

        A worker that ends alone leaves what waits to its siblings, or to the one that replaces it:
        the master holds the listening sockets.
        """
        link = self._worker.link
        late_s = time.monotonic() + LATE_MASTER_S
        while not (link.service_ends or link.is_replaced or self._master_has_gone):
            if time.monotonic() > late_s:
                return False
            await asyncio.sleep(0.01)
        if self._master_has_gone or self._worker.cfg.reuse_port:  # then nobody else has seen to it
            for listener in self._listeners:
                refuse_new(listener)
        return not link.is_replaced or self._worker.cfg.reuse_port

    async def _break_off(self) -> None:
        """The time to drain is over: answer those who wait, break off what runs, and wait for its end."""
        self._site.refuse_waiting(STOPPING)
        await asyncio.sleep(0)  # those that waited for their turn are refused first: they were never run
        self._server.cancel_requests()
        await self._server.ended(time.monotonic() + ANSWER_S)
        busy = [thread for thread in self._threads if thread.is_busy]
        if not busy or self._main_is_stuck:
            return
        log.warning("the time to drain is over; run() is broken off\n%s", busy[0].stack())
        patient_until_s = time.monotonic() + PATIENCE_S
        for thread in busy:
            thread.break_off(STOPPING)
        while self._threads[0].is_busy:
            if time.monotonic() > patient_until_s:
                log.error("run() does not end; this worker ends without shutdown()\n%s", self._threads[0].stack())
                _end_process()
            await asyncio.sleep(0.01)


def _end_process() -> None:
    logging.shutdown()
    os._exit(0)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
