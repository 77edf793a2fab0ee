"""ScoringThread: the one thread that runs init(), every run() and shutdown().

Entry scripts keep things that belong to one thread (a SQLite connection, a TensorFlow graph), so
whatever calls into the script is sent to the same thread. In a worker process that is the main
thread, lent by `serve_here`, which can be interrupted even while it sleeps or waits for a socket:
a signal breaks the system call off and its handler raises. Elsewhere it is a thread of its own,
which can be interrupted between two bytecodes only. Nothing here uses SIGALRM.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Generic, TypeVar

from scoringhost.kernel.deadline import Deadline
from scoringhost.script.tracebacks import user_stack

T = TypeVar("T")

_SIGNAL = getattr(signal, "SIGRTMIN", None)

ALARM_S = 0.01
"""Seconds in which whoever looks after work on the spot is told of it once."""


class Interrupted(BaseException):
    """Raised inside run() when its deadline has passed; not an Exception, so few scripts catch it."""


class Job(Generic[T]):
    """One piece of work for the scoring thread; `notify` is called on that thread when it is over."""

    __slots__ = ("_context", "_notify", "_work", "error", "result", "spent_s")

    def __init__(self, work: Callable[[], T], notify: Callable[[], object], context: contextvars.Context) -> None:
        self._work, self._notify = work, notify
        self._context = context
        self.result: T | None = None
        self.error: BaseException | None = None
        self.spent_s = 0.0

    def perform(self) -> None:
        """Do the work; every exception, SystemExit included, is kept for the caller."""
        started_s = time.perf_counter()
        try:
            self.result = self._context.run(self._work)
        except BaseException as error:
            self.error = error
        self.spent_s = time.perf_counter() - started_s

    def report(self) -> None:
        """Tell whoever waits that the work is over, and forget both: see `thread_runner._outcome_of`."""
        notify = self._notify
        del self._notify, self._work
        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            notify()


class ScoringThread:
    """A queue of jobs and the thread that performs them one by one."""

    def __init__(self, name: str = "scoring") -> None:
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._current: object | None = None
        self.ident = 0
        """Of the thread, as `threading.get_ident` has it."""
        self._by_signal = False
        self._signalled = False
        self._unreported: Job[Any] | None = None
        self._on_the_spot: object | None = None
        self._began_s = 0.0
        self._expires_s: float | None = None
        self.deadline: Deadline | None = None
        """The one of whoever waits for work that is done on the spot; set and taken back around `perform_here`."""
        self._name = name
        self.stopping = ""
        self._holding = threading.Lock()
        self._is_held = False
        self.alarm: Callable[[], object] | None = None
        """Has whoever looks after work on the spot look soon; to be told of such work, but not of each."""
        self._alarmed_s = -ALARM_S

    def start(self) -> None:
        """Serve from a thread of its own."""
        threading.Thread(target=self._adopt_and_serve, name=self._name, daemon=True).start()

    def adopt(self) -> None:
        """Take the calling thread for the scoring thread. On the main thread, interrupts use a signal."""
        self.ident = threading.get_ident()
        self._by_signal = _SIGNAL is not None and threading.current_thread() is threading.main_thread()
        if self._by_signal:
            signal.signal(_SIGNAL, self._on_signal)  # type: ignore[arg-type]

    def serve_here(self) -> None:
        """Perform jobs on the adopted thread until `close`."""
        self._serve()

    def submit(
        self, work: Callable[[], T], notify: Callable[[], object], context: contextvars.Context | None = None
    ) -> Job[T]:
        """Queue some work; it runs in the context given (PEP 567), or in a copy of the caller's."""
        job = Job(work, notify, context or contextvars.copy_context())
        self._jobs.put(job)
        return job

    def ask(self, work: Callable[[], T]) -> T:
        """Queue some work and wait for it; its exception is raised here. Not for the scoring thread itself."""
        over = threading.Event()
        job = self.submit(work, over.set)
        over.wait()
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]

    def stack(self) -> str:
        """Where the thread is right now, as a traceback without the frames of the host."""
        frame = sys._current_frames().get(self.ident)
        return user_stack(frame) if frame is not None else ""

    def close(self) -> None:
        """End `serve_here`, or the thread, once everything queued is done."""
        self._jobs.put(None)

    def is_here(self) -> bool:
        """Whether the caller is on the scoring thread: the event loop has moved to it."""
        return threading.get_ident() == self.ident

    def perform_here(self, work: Callable[[], T], limit_s: float | None) -> T:
        """Do some work at once, on the scoring thread itself; what it raises is raised here.

        Nothing can answer the caller meanwhile, so `interrupt_overdue` has to be called by another
        thread; the work is then broken off with Interrupted, after its limit or the `deadline`.
        """
        began_s = self._began_s = time.monotonic()
        self._expires_s = began_s + limit_s if limit_s is not None else None
        if began_s - self._alarmed_s >= ALARM_S and self.alarm is not None:
            self._alarmed_s = began_s
            self.alarm()
        loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)  # a script may use asyncio.run()
        self._current = self._on_the_spot = object()  # one of its own, so that no other work is broken off for it
        try:
            return work()
        finally:
            self._current = None
            asyncio._set_running_loop(loop)
            if self._signalled:
                self._settle()
            if self._is_held:
                with self._holding:
                    pass

    def busy_here_s(self) -> float:
        """For how long the work that is done on the spot has been going on, in seconds; 0 if there is none."""
        is_busy = self._current is not None and self._current is self._on_the_spot
        return time.monotonic() - self._began_s if is_busy else 0.0

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Keep work that is done on the spot from coming to its end; yields whether there is any.

        What the event loop below it would do may be done meanwhile: it goes on only afterwards. The order matters,
        here and at the end of `perform_here`: each first says what it does, and then looks at what the other says.
        """
        with self._holding:
            self._is_held = True
            try:
                yield self.busy_here_s() > 0.0
            finally:
                self._is_held = False

    def interrupt_overdue(self) -> float:
        """Break off work on the spot that is over its time; returns how long it is over its limit, in seconds.

        A caller's deadline says nothing of that: no caller can have a worker given up.
        """
        work, expires_s, deadline = self._on_the_spot, self._expires_s, self.deadline
        if work is None or self._current is not work:
            return 0.0
        over_s = 0.0 if expires_s is None else max(0.0, time.monotonic() - expires_s)
        if over_s > 0 or (deadline is not None and deadline.is_over):
            self.interrupt(work)
        return over_s

    @property
    def is_busy(self) -> bool:
        """Whether it is at work."""
        return self._current is not None

    def break_off(self, why: str) -> None:
        """Break off whatever it is at, because the process stops; `stopping` says why from now on. From any thread."""
        self.stopping = why
        current = self._current
        if current is not None:
            self.interrupt(current)

    def end_process_after_work(self) -> None:
        """In a process that the work has forked: let it come back no further than to here."""
        self._signalled = True  # so that the end of work on the spot is looked at, too
        self._settle = self._end_process  # type: ignore[method-assign]

    def _end_process(self) -> None:
        error = sys.exception()  # of work on the spot
        if self._unreported is not None:
            error = self._unreported.error
        code = error.code if isinstance(error, SystemExit) else int(error is not None)
        os._exit(code if isinstance(code, int) else int(code is not None))

    def interrupt(self, job: object) -> None:
        """Break off a job if it is the one that runs now; at most once for each job."""
        with self._lock:
            if self._current is not job or self._signalled:
                return
            self._signalled = True
            if self._by_signal:
                signal.pthread_kill(self.ident, _SIGNAL)  # type: ignore[arg-type]
            else:
                _raise_in(self.ident, Interrupted)

    # -- on the scoring thread ----------------------------------------------------------------

    def _adopt_and_serve(self) -> None:
        self.adopt()
        self._serve()

    def _serve(self) -> None:
        """Perform one job after the other.

        An interrupt can come at any bytecode between the one that makes a job the current one and
        the end of `_settle`. It always ends up here, the inner loop's jump back included, and the
        job is reported on the next round.
        """
        while True:
            try:
                while self._next():
                    pass
                return
            except Interrupted as interrupted:
                job = self._unreported
                if job is not None and job.result is None and job.error is None:  # it came outside of the work
                    job.error = interrupted

    def _next(self) -> bool:
        """Report the job before, wait for one and perform it; False at the end."""
        self._settle()
        unreported, self._unreported = self._unreported, None
        if unreported is not None:
            unreported.report()
            unreported = None  # its result may be large, and the next job may come in an hour
        job = self._jobs.get()
        if job is None:
            return False
        self._unreported = job
        self._make_current(job)
        job.perform()
        return True

    def _make_current(self, job: Job[Any]) -> None:
        with self._lock:
            self._current = job

    def _settle(self) -> None:
        """Afterwards no interrupt is pending and none can be sent until the next job."""
        while True:
            try:
                with self._lock:
                    self._current = None
                    signalled, self._signalled = self._signalled, False
                if signalled:
                    _let_pending_arrive()
                return
            except Interrupted:
                continue

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._signalled and self._current is not None:
            raise Interrupted


def _let_pending_arrive() -> None:
    """Run a few bytecodes: an exception that another thread has set is raised at one of them.

    Taking it back with a null pointer would leave CPython 3.11 looking for it for ever, which slows
    the whole process down and hangs a traced thread.
    """
    for _ in range(100):
        pass


def _raise_in(thread_id: int, error: type[BaseException]) -> None:
    """Set the exception that another thread raises at its next bytecode."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(error))
