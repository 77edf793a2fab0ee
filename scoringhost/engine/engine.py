"""Engine: the life of one service in one process, from its load to its close, whatever drives it.

    new -> loading -> loaded -> open -> draining -> closed
                  -> failed

Who calls what, and on which thread:

- `init` belongs on the thread that will score, and whoever drives the engine sees to that: the gunicorn
  worker calls it on its main thread, with preload even in the master, before there are threads; for
  all others it is a job of the first of the engine's own threads (`loading.Loading`, `process.Process`).
- `open`, `start`, `retire`, `wind_down` and everything of a `Door` happen on the event loop. That loop
  is never the engine's: it is the worker's (and moves), the server's around us, or that of a
  `process.Process`.
- `shutdown` runs on the thread that scored, after the last run(). Nobody calls it while that goes on.

The end, once `ask_to_stop`, `retire` or a door has begun it: every door stops accepting; what was
taken in has until the end of the drain; then calls that wait are refused, those that run are answered
with a 503 and broken off, and have PATIENCE_S to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from contextvars import Context
from enum import Enum
from typing import NoReturn

from scoringhost.engine.door import Door
from scoringhost.engine.last_job import do_last
from scoringhost.engine.site import Site
from scoringhost.errors import DeadlineExceeded, NotReady
from scoringhost.http.app import STOPPING
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.kernel.thread_runner import PATIENCE_S, Mover
from scoringhost.process.memory import settle
from scoringhost.telemetry.logs import HOST_LOGGER

DRAIN_S = 20.0
"""Seconds that what was taken in has to end, unless a setting says otherwise."""

ANSWER_S = 0.5
"""Seconds that the last answers have to be written."""

LOOK_S = 0.01
"""Seconds between two looks at whether a run() that was broken off has ended."""

REPLACED = "The worker is being replaced; try again"
LEFT_BEHIND = "run() has not ended; it is left behind, and shutdown() is not run"

log = logging.getLogger(HOST_LOGGER)


class Phase(Enum):
    """The life of an engine, in this order; FAILED is the end of one that could not be loaded."""

    NEW = "new"
    LOADING = "loading"
    LOADED = "loaded"
    OPEN = "open"
    DRAINING = "draining"
    CLOSED = "closed"
    FAILED = "failed"


class Engine:
    """One service in this process: its site, its scoring threads, its doors, and where in its life it is."""

    def __init__(
        self,
        build: Callable[[], Site],
        threads: int = 1,
        *,
        drain_s: float = DRAIN_S,
        owns_process: bool = False,
        is_replaced: bool = False,
    ) -> None:
        """Do nothing yet.

        build: imports the script and puts the site together. threads: how many run() at once.
        owns_process: somebody starts another process when this one ends. Then it ends if a run()
        cannot be stopped; otherwise whoever waits for such a run() waits for as long as it takes.
        is_replaced: somebody asks for `stuck_count`, and ends this process then. Whoever waits for a run() that
        cannot be stopped is refused.
        """
        self._build, self._thread_count = build, threads
        self._drain_s, self._owns_process, self._is_replaced = drain_s, owns_process, is_replaced
        self._site: Site | None = None
        self.phase = Phase.NEW
        self.threads: list[ScoringThread] = []
        self.doors: list[Door] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        """The one that scores: the one that `open` is called on, or what its owner has put here before."""
        self.is_retiring = False
        """Whether a run() cannot be stopped, so that the process ends and another takes its place."""
        self.stuck_count = 0
        """How many run() have gone on long after their deadline, each on a thread of its own."""
        self.at_end = contextlib.ExitStack()
        """What is to be taken back once the service has ended."""
        self._drained_by_s: float | None = None
        self._ending: asyncio.Task[None] | None = None
        self._end_begun = asyncio.Event()

    # -- loading ------------------------------------------------------------------------------------

    @property
    def site(self) -> Site:
        """What is served; it must have been loaded."""
        assert self._site is not None, "the service is not loaded"
        return self._site

    def load(self) -> None:
        """Import the script, on this thread.

        Raises:
            StartupError: if it cannot be served.
        """
        self.phase = Phase.LOADING
        try:
            self._site = self._build()
        except BaseException:
            self.phase = Phase.FAILED
            raise

    def init(self) -> None:
        """Run the script's init(), on the thread that will score.

        Raises:
            InitFailed: if it raises.
        """
        began_s = time.monotonic()
        log.info("running init()")
        try:
            self.site.init()
        except BaseException:
            self.phase = Phase.FAILED
            raise
        log.info("init() has returned after %.1f s", time.monotonic() - began_s)
        if self._owns_process:
            settle()
        self.phase = Phase.LOADED

    def start_threads(self, *, lent: bool = False) -> None:
        """Make the scoring threads of this process; anew after a fork, which copies none.

        lent: the first one is a thread of the caller's, who has it `adopt` and serves on it.
        """
        self.threads = [ScoringThread(f"scoring-{number}") for number in range(self._thread_count)]
        for thread in self.threads[1:] if lent else self.threads:
            thread.start()

    # -- serving ------------------------------------------------------------------------------------

    def open(self, mover: Mover | None = None) -> None:
        """Take calls from now on; on the event loop that scores. `mover` moves it to the first thread and away.

        Again after a fork, or if that event loop has ended and another one is to score.
        """
        self.loop = asyncio.get_running_loop()
        only = mover if len(self.threads) == 1 else None  # with several threads nobody knows which to move to
        self.site.open(self.threads, self.retire, only)
        self.phase = Phase.OPEN

    async def start(self, mover: Mover | None = None) -> None:
        """Open the service and its doors."""
        self.open(mover)
        if self._ending is not None:  # somebody has pressed Ctrl-C meanwhile
            self.drain()
        for door in self.doors:
            await door.start(self.site.app)

    async def ended(self) -> None:
        """Wait until the end has come, whoever began it. shutdown() is not run yet.

        Raises:
            Whatever a door raises that could not serve.
        """
        await self._end_begun.wait()
        assert self._ending is not None
        await self._ending

    # -- work that does not end -----------------------------------------------------------------------

    def retire(self) -> None:
        """A run() cannot be stopped: refuse what waits for it, finish the rest, let another process take over."""
        self.stuck_count += 1
        if self._is_replaced:
            log.error("run() does not end; this replica is to be replaced\n%s", self.stacks())
            if self.stuck_count >= len(self.threads):  # until then the other threads score on
                self.site.refuse_waiting(REPLACED)
        if not self._owns_process:
            return
        log.error("run() does not end; this worker is given up and replaced\n%s", self.stacks())
        self.is_retiring = True
        self.site.refuse_waiting(REPLACED)
        self.wind_down()

    def break_off_overdue(self, limit_s: float | None) -> DeadlineExceeded | NotReady | None:
        """Break off a run() on the spot that is over its time; for another thread, since it blocks the event loop.

        limit_s: what a run() may take, in seconds, for the error. Returns what the caller of that run()
        is to be told if it goes on PATIENCE_S later: the process has to end then.
        """
        main = self.threads[0]
        drain_over_s = self.drain_over_s()
        if drain_over_s > 0:
            main.break_off(STOPPING)
            if drain_over_s > PATIENCE_S:
                return NotReady(STOPPING)
        if main.interrupt_overdue() > PATIENCE_S:
            return DeadlineExceeded(limit_s or 0.0)
        return None

    def stacks(self) -> str:
        """Where the scoring threads are right now, for the log."""
        return "\n".join(thread.stack() for thread in self.threads)

    # -- the end --------------------------------------------------------------------------------------

    @property
    def is_told_to_stop(self) -> bool:
        """Whether the end was asked for from outside, and not by a run() or a door that has had enough."""
        return self._drained_by_s is not None

    def drain_over_s(self) -> float:
        """For how long the time to drain has been over, in seconds; 0 if it is not."""
        if self._drained_by_s is None:
            return 0.0
        return max(0.0, time.monotonic() - self._drained_by_s)

    def ask_to_stop(self) -> None:
        """Begin the end. From any thread, and from a signal handler; `loop` must be known."""
        if self._drained_by_s is None:
            self._drained_by_s = time.monotonic() + self._drain_s
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.wind_down)

    def wind_down(self) -> None:
        """Begin the end, unless it has begun. On the event loop."""
        if self._ending is not None:
            return
        self.drain()
        assert self.loop is not None
        # A context of its own: this may be the request's whose run() is stuck, and every line that the end
        # logs would carry its id.
        self._ending = self.loop.create_task(self._end(), context=Context())
        self._end_begun.set()

    def drain(self) -> None:
        """Say no to readiness; what was taken in goes on. The first step of the end."""
        self.site.drain()
        self.phase = Phase.DRAINING

    async def _end(self) -> None:
        by_s = self._drained_by_s or time.monotonic() + self._drain_s
        await asyncio.gather(*(door.stop_accepting(by_s) for door in self.doors))
        if not await self._finish(by_s):
            await self._break_off()
        if self.is_retiring:
            self.abandon_process()  # a thread that is stuck cannot be ended in any other way

    async def _finish(self, by_s: float) -> bool:
        return all(await asyncio.gather(*(door.finish(by_s) for door in self.doors)))

    async def _break_off(self) -> None:
        """The time to drain is over: answer those who wait, break off what runs, and wait for its end."""
        self.site.refuse_waiting(STOPPING)
        await asyncio.sleep(0)  # those that waited for their turn are refused first: they were never run
        for door in self.doors:
            door.cancel()
        await self._finish(time.monotonic() + ANSWER_S)
        busy = [thread for thread in self.threads if thread.is_busy]
        if not busy or self.is_retiring:
            return
        log.warning("the time to drain is over; run() is broken off\n%s", busy[0].stack())
        patient_until_s = time.monotonic() + PATIENCE_S
        for thread in busy:
            thread.break_off(STOPPING)
        while self.threads[0].is_busy:
            if time.monotonic() > patient_until_s:
                if not self._owns_process:
                    return  # `shutdown` will find the thread busy, and leave it behind
                log.error("run() does not end; this worker ends without shutdown()\n%s", self.threads[0].stack())
                self.abandon_process()
            await asyncio.sleep(LOOK_S)

    def abandon_process(self) -> NoReturn:
        """End this process without shutdown(), as a run() goes on; first, what is kept is written, and spans are sent.

        From any thread but the one that is stuck. It takes a few seconds at most, as `Site.closings` do.
        """
        try:
            self.site.close()
        finally:
            end_process()

    def shutdown(self, until_s: float) -> None:
        """Run shutdown() to its end on the scoring thread, unless that is still busy at that time.

        until_s: of `time.monotonic`. To be called on any other thread than the scoring one and the
        event loop's. The script's own errors are logged.
        """
        if not do_last(self.threads[0], self.shutdown_here, until_s):
            self.phase = Phase.CLOSED
            for service in self.site.host:
                service.observer.noticed(service.name, LEFT_BEHIND)

    def shutdown_here(self) -> None:
        """Run shutdown() at once; the caller is the thread that scored."""
        self.phase = Phase.CLOSED
        self.site.shutdown()

    def close_threads(self) -> None:
        """End the scoring threads once what they do is done; one that is stuck stays."""
        for thread in self.threads:
            thread.close()


def end_process() -> NoReturn:
    """End this process at once, whatever its threads do; another one takes its place."""
    logging.shutdown()
    os._exit(0)
