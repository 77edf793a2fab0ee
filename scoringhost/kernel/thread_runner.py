"""Plain functions on scoring threads, one call on each at a time.

While calls are short (`kernel/call_speed.py`) the event loop itself is moved to the scoring thread and
calls are run on the spot; when they are not, it is moved away and work is handed over through a
queue. Either way every run() is on the thread that ran init().

Whoever has the turn of a thread keeps it until the work has really ended, which after a deadline may
be later than the answer to the caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from threading import get_ident
from typing import Any, Generic, Protocol, TypeVar

from scoringhost.errors import NotReady
from scoringhost.kernel.admission import Admission
from scoringhost.kernel.call import never
from scoringhost.kernel.call_speed import CallSpeed
from scoringhost.kernel.deadline import Deadline, exceeded, left_of
from scoringhost.kernel.runner import ScriptCancelled, told_apart
from scoringhost.kernel.scoring_thread import Interrupted, Job, ScoringThread
from scoringhost.kernel.steps_ahead import StepsAhead

T = TypeVar("T")

PATIENCE_S = 5.0
"""Seconds that a run() may go on after its deadline before the worker is given up."""


class Mover(Protocol):
    """Moves the event loop from thread to thread; both calls come from the event loop."""

    def come(self) -> None:
        """Run the event loop on the scoring thread as soon as that has nothing to do."""

    def leave(self) -> None:
        """Run the event loop on another thread at once."""

    @property
    def is_coming(self) -> bool:
        """Whether the event loop is about to come: it goes on only when the scoring thread has nothing to do."""


class Fixed:
    """The mover of a process whose event loop stays where it is."""

    is_coming = False

    def come(self) -> None:
        """Stay."""

    def leave(self) -> None:
        """Stay."""


class ThreadRunner:
    """Runs plain functions on scoring threads, one call on each at a time."""

    def __init__(
        self,
        threads: list[ScoringThread],
        admission: Admission,
        limit_s: float | None,
        when_stuck: Callable[[], None],
        mover: Mover | None = None,
    ) -> None:
        self._free = list(threads)
        self._admission, self.limit_s, self.when_stuck = admission, limit_s, when_stuck
        self.call_speed, self.mover = CallSpeed(), mover or Fixed()

    async def turn(self, deadline: Deadline | None = None, abandoned: Callable[[], bool] = never) -> ThreadTurn:
        """Wait for a free scoring thread."""
        await self._admission.enter(deadline, abandoned)
        return ThreadTurn(self, self._free.pop(), deadline=deadline)

    def thread_here(self, size: int) -> ScoringThread | None:
        """The scoring thread, if work can be done on the spot: it is this one, and nobody waits for it.

        No place is taken: until the work is over nobody else can ask for one.
        """
        speed = self.call_speed
        if speed.short and size <= 2 * speed.largest and self._free:  # `fits`, without the call
            thread = self._free[-1]
            if thread.ident == get_ident() and self._admission.idle:
                return thread
        return None

    def do_here(self, thread: ScoringThread, work: Callable[[], T], size: int, before_s: float = 0.0) -> T:
        """Do the work at once on the thread that `thread_here` gave; see `Turn.do`.

        `before_s` seconds of the time limit are spent already.
        """
        started_s = time.perf_counter()
        limit_s = self.limit_s
        try:
            return thread.perform_here(work, None if limit_s is None else limit_s - before_s)
        except Interrupted:
            if thread.stopping:
                raise NotReady(thread.stopping) from None
            deadline = thread.deadline
            if limit_s is not None and before_s + time.perf_counter() - started_s >= limit_s:
                deadline = None
            raise exceeded(limit_s, deadline) from None
        except asyncio.CancelledError as error:
            raise ScriptCancelled from error
        finally:
            self.call_speed.observe(time.perf_counter() - started_s, size, on_the_spot=True)
            if not self.call_speed.short:
                self.mover.leave()

    def turn_here(self, thread: ScoringThread, spent_s: float, context: Context | None) -> ThreadTurn:
        """The turn that goes on after `do_here`, in whose context; some of its time is spent already."""
        self._admission.enter_now()
        self._free.remove(thread)
        return ThreadTurn(self, thread, spent_s, context)

    def free(self, thread: ScoringThread, held_s: float) -> None:
        """Take a thread back after so many seconds.

        Only now may the event loop come to it: until here more work may have followed.
        """
        self._free.append(thread)
        self._admission.held.observe(held_s)
        self._admission.leave()
        if self.call_speed.short:
            self.mover.come()


class ThreadTurn:
    """A turn on one scoring thread."""

    __slots__ = (
        "_ahead", "_began_s", "_context", "_deadline", "_ended", "_making", "_pieces", "_runner", "_spent_s", "_thread",
    )  # fmt: skip

    def __init__(
        self,
        runner: ThreadRunner,
        thread: ScoringThread,
        spent_s: float = 0.0,
        context: Context | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self._runner, self._thread, self._deadline = runner, thread, deadline
        self._began_s = time.perf_counter() - spent_s
        self._spent_s = spent_s
        self._context = context if context is not None else copy_context()
        self._pieces = 0
        self._ended = False
        self._ahead: StepsAhead | None = None
        self._making: _Piece[None] | None = None

    async def do(self, work: Callable[[], T], size: int = 0) -> T:
        """Do the work on the scoring thread; see `Turn.do`."""
        while self._runner.mover.is_coming:
            await asyncio.sleep(0)  # work that is handed over now would hold it up
        if self._thread.is_here() and self._runner.call_speed.fits(size):
            started_s = time.perf_counter()
            self._thread.deadline = self._deadline
            try:
                return self._runner.do_here(self._thread, partial(self._context.run, work), size, self._spent_s)
            finally:
                self._thread.deadline = None
                self._spent_s += time.perf_counter() - started_s
        job = await self._hand_over(work)
        self._runner.call_speed.observe(job.spent_s, size, on_the_spot=False)
        return _outcome_of(job)

    async def step(self, work: Callable[[], T]) -> T:
        """Do it on the scoring thread; see `Turn.step`."""
        self._runner.call_speed.streams()
        if self._ahead is not None:
            self._ahead.stop()
        job = await self._hand_over(work)
        if self._making is not None:  # it is over, and nobody takes what it has made
            self._making.job.error = None
        return _outcome_of(job)

    async def next(self, step: Callable[[], object]) -> object:
        """Take the next item, of which the scoring thread may have made several; see `Turn.next`."""
        ahead = self._ahead
        if ahead is None:
            ahead = self._ahead = StepsAhead(step)
        while not ahead.made:
            piece = self._making
            if piece is None:
                self._runner.call_speed.streams()
                self._making = self._submit(ahead.run, ahead.tell)
            elif piece.over.done():
                self._making = None
                try:
                    piece.over.result()
                    _outcome_of(piece.job)
                finally:
                    del piece  # see `_outcome_of`
            else:
                await ahead.news()
        return ahead.made.popleft()

    async def _hand_over(self, work: Callable[[], T]) -> Job[T]:
        piece = self._submit(work)
        try:
            await piece.over
            return piece.job
        finally:
            del piece  # see `_outcome_of`

    def _submit(self, work: Callable[[], T], told: Callable[[], object] | None = None) -> _Piece[T]:
        """Hand work over to the scoring thread; `told` is called, too, when it is over or its time is."""
        self._runner.mover.leave()
        loop = asyncio.get_running_loop()
        piece: _Piece[T] = _Piece(loop.create_future(), told)
        self._pieces += 1
        piece.job = self._thread.submit(work, lambda: loop.call_soon_threadsafe(self._over, piece), self._context)
        limit_s = self._runner.limit_s
        left_s, deadline = left_of(limit_s, self._spent_s, self._deadline)
        if left_s is not None:
            # A caller's deadline ends its call, but never a worker: only the limit of run() has one given up.
            hopeless_s = None if limit_s is None else loop.time() + max(0.0, limit_s - self._spent_s) + PATIENCE_S
            piece.timer = loop.call_later(left_s, self._expire, piece, hopeless_s, deadline)
        return piece

    def where(self) -> str:
        """The stack of the scoring thread."""
        return self._thread.stack() if self._pieces else ""

    def end(self) -> None:
        """Free the thread, at once or when its work is over."""
        self._ended = True
        if not self._pieces:
            self._free()

    def _free(self) -> None:
        self._runner.free(self._thread, time.perf_counter() - self._began_s)

    def _over(self, piece: _Piece[Any]) -> None:
        """A piece of work has really ended."""
        piece.has_ended = True
        if piece.timer is not None:
            piece.timer.cancel()
        self._pieces -= 1
        if self._ended and not self._pieces:
            self._free()
        if piece.over.done():
            piece.job.error = None  # nobody asks for it: see `_outcome_of`
        else:
            self._spent_s += piece.job.spent_s
            piece.over.set_result(None)
            piece.tell()

    def _expire(self, piece: _Piece[Any], hopeless_s: float | None, deadline: Deadline | None) -> None:
        """The time of a piece of work is over; at `hopeless_s` (of the loop) it is given up."""
        loop = asyncio.get_running_loop()
        if not piece.over.done():
            piece.over.set_exception(exceeded(self._runner.limit_s, deadline))
            piece.tell()
        if hopeless_s is not None:
            loop.call_at(hopeless_s, self._give_up, piece)
        # Whoever awaits `over` takes the stack of where it hangs for the log, before this interrupt.
        loop.call_soon(self._thread.interrupt, piece.job)

    def _give_up(self, piece: _Piece[Any]) -> None:
        if not piece.has_ended:
            self._runner.when_stuck()


def _outcome_of(job: Job[T]) -> T:
    """The result of a job that is over, which is asked for once. Raises what the job raised.

    Nothing may lead from a job to itself: the job knows the call, and with it a body that may have megabytes, which
    would stay until the next garbage collection: of bodies of 1 MB there were five hundred. So a job forgets whom
    it has told, and what it was to do. It forgets its error here, as the traceback of that leads to all frames below,
    those of the scoring thread included. And no frame that an error passes keeps a variable that leads to the error.
    """
    if job.error is None:
        return job.result  # type: ignore[return-value]
    error, job.error = told_apart(job.error), None
    try:
        raise error
    finally:
        del error


class _Piece(Generic[T]):
    """One piece of work on its way: `over` is for whoever waits, who may have gone or been answered."""

    __slots__ = ("_told", "has_ended", "job", "over", "timer")

    job: Job[T]

    def __init__(self, over: asyncio.Future[None], told: Callable[[], object] | None) -> None:
        self.over, self._told = over, told
        self.timer: asyncio.TimerHandle | None = None
        self.has_ended = False

    def tell(self) -> None:
        """Wake whoever waits for more than `over`."""
        if self._told is not None:
            self.over.exception()  # or, if it is never asked for, asyncio would complain of it
            self._told()
