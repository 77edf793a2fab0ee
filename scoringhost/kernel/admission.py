"""Admission: how many calls may run at once, how many may wait for their turn, and for how long.

While calls wait, their time is estimated from what recent ones took. Who would have to wait longer
than it may is refused at once: it is told within milliseconds, and can go elsewhere. Without that a
service under too much load would do nothing but calls whose callers give up just before their end.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from scoringhost.errors import CallerTimedOut, IncompleteBody, NotReady, Overloaded, ScoringHostError
from scoringhost.kernel.call import never
from scoringhost.kernel.deadline import Deadline

NEWEST = 0.1
"""The weight of the newest call in the mean time of recent ones."""

LOOK_S = 0.05
"""Seconds between two looks at who of those that wait has gone: with a thousand of them, one takes 0.1 ms.

That a client has gone is not told by the event loop if the connection is half-closed; it must be asked for.
"""

NOT_BEGUN = "run() was not begun"


class MeanTime:
    """What recent calls took on average, in seconds; 0 while nothing is known."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Take in what one call took."""
        self.seconds = seconds if not self.seconds else self.seconds + NEWEST * (seconds - self.seconds)


def retry_after_s(wait_s: float) -> int:
    """When to try again, for whoever would have to wait that long: whole seconds, 1 at least."""
    return max(1, math.ceil(wait_s))


def require_hope(wait_s: float, run_s: float, max_wait_s: float | None, deadline: Deadline | None) -> None:
    """Make sure that a call does not begin to wait in vain.

    wait_s: how long it would have to, and run_s: what its run() will take then, as far as can be known.

    Raises:
        Overloaded: if that is longer than it may, or than its caller waits.
    """
    if max_wait_s is not None and wait_s > max_wait_s:
        why = f"The wait is about {wait_s:.1f} s, and none may be longer than {max_wait_s:g} s; try again later"
        raise Overloaded(why, retry_after_s(wait_s))
    if deadline is not None and wait_s + run_s > deadline.left_s:
        why = f"The answer takes about {wait_s + run_s:.1f} s, and the caller waits {deadline.timeout_s:g} s"
        raise Overloaded(f"{why}; try again later", retry_after_s(wait_s))


def require_time(deadline: Deadline | None) -> None:
    """Make sure that a caller still waits for its answer.

    Raises:
        CallerTimedOut: if it does not.
    """
    if deadline is not None and deadline.is_over:
        raise CallerTimedOut(deadline.timeout_s, NOT_BEGUN)


def waited_in_vain(
    max_wait_s: float | None, deadline: Deadline | None, wait_s: float
) -> tuple[float, ScoringHostError]:
    """How long a call that waits may do so at most, in seconds, and what it is told then; one of the two is given.

    wait_s: how long one that came now would have to wait.
    """
    left_s = math.inf if deadline is None else deadline.left_s
    if deadline is not None and (max_wait_s is None or left_s <= max_wait_s):
        return left_s, CallerTimedOut(deadline.timeout_s, NOT_BEGUN)
    assert max_wait_s is not None
    why = f"The call has waited for {max_wait_s:g} s, as long as it may; try again later"
    return max_wait_s, Overloaded(why, retry_after_s(wait_s))


@dataclass(slots=True, eq=False)
class _Waiter:
    """A call that waits: `turn` ends its wait, `abandoned` says whether its caller has gone."""

    turn: asyncio.Future[None]
    abandoned: Callable[[], bool]


class Admission:
    """A fair gate with `room` places and at most `max_waiting` waiting calls, each for at most `max_wait_s`.

    It belongs to one event loop. A place that was taken must be given back with `leave`, by
    whoever holds it: for a run() that outlives its deadline that is the scoring thread.
    """

    def __init__(self, room: int, max_waiting: int, max_wait_s: float | None = None) -> None:
        self._places, self._room = room, room
        self._max_waiting, self._max_wait_s = max_waiting, max_wait_s
        self._waiting: deque[_Waiter] = deque()
        self._looked_s = -math.inf
        self._closed: str = ""
        self.held = MeanTime()
        """How long a place was held, on average; whoever holds one takes the time."""
        # While calls wait all places are taken, and the time between two that leave is what those that wait
        # have to multiply: with what it takes to hand a place over, which is a fifth of a run() of 10 ms.
        self._between = MeanTime()
        self._left_s: float | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the next call has to wait."""
        return self._room <= 0

    @property
    def idle(self) -> bool:
        """Whether `enter_now` would take a place."""
        return self._room > 0 and not self._waiting and not self._closed

    @property
    def wait_s(self) -> float:
        """How long the next call has to wait for those that wait before it, in seconds, as far as can be known."""
        each_s = self._between.seconds or self.held.seconds / self._places
        # Of the one that goes on half is left, on average.
        return (len(self._waiting) + 0.5) * each_s

    def enter_now(self) -> bool:
        """Take a place if there is one and nobody waits; whether it was taken."""
        if not self.idle:
            return False
        self._room -= 1
        return True

    async def enter(self, deadline: Deadline | None = None, abandoned: Callable[[], bool] = never) -> None:
        """Take a place, in the order of arrival; `deadline` is the caller's own, `abandoned` says whether it has gone.

        Raises:
            IncompleteBody: if the caller has gone while it waited; found out when its place is wanted.
            Overloaded: if too many calls wait already, or it has waited, or would have to, longer than it may.
            CallerTimedOut: if the deadline passes first.
            NotReady: if the gate is closed, or gets closed while waiting.
        """
        if self._closed:
            raise NotReady(self._closed)
        require_time(deadline)
        if self.enter_now():
            return
        self._let_go()
        if len(self._waiting) >= self._max_waiting:
            why = f"{len(self._waiting)} calls are waiting already; try again later"
            raise Overloaded(why, retry_after_s(self.wait_s))
        require_hope(self.wait_s, self.held.seconds, self._max_wait_s, deadline)
        await self._wait(deadline, abandoned)

    def _let_go(self) -> None:
        """Send those away whose callers have gone: nobody is to be refused, or to wait, for their sake."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        there: deque[_Waiter] = deque()
        for waiter in self._waiting:
            if not waiter.abandoned():
                there.append(waiter)
            elif not waiter.turn.done():
                waiter.turn.set_exception(IncompleteBody())
        self._waiting = there

    async def _wait(self, deadline: Deadline | None, abandoned: Callable[[], bool]) -> None:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), abandoned)
        self._waiting.append(waiter)
        timer = self._time_limit(waiter, deadline)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        finally:
            if timer is not None:
                timer.cancel()
            del waiter  # it may have an error that leads here: see `thread_runner._outcome_of`

    def leave(self) -> None:
        """Give a place back; the call that waits longest gets it."""
        now_s = time.monotonic()
        if self._left_s is not None:
            self._between.observe(now_s - self._left_s)
        self._left_s = now_s if self._waiting else None
        while self._waiting:
            turn = self._waiting.popleft().turn
            if not turn.done():
                turn.set_result(None)
                return
        self._room += 1

    def close(self, why: str) -> None:
        """Let nobody in any more; whoever waits is told why."""
        self._closed = why
        while self._waiting:
            turn = self._waiting.popleft().turn
            if not turn.done():
                turn.set_exception(NotReady(why))

    def _time_limit(self, waiter: _Waiter, deadline: Deadline | None) -> asyncio.TimerHandle | None:
        """What sends a call away when it has waited for too long, if that can be."""
        if deadline is None and self._max_wait_s is None:
            return None
        seconds, error = waited_in_vain(self._max_wait_s, deadline, self.wait_s)
        return asyncio.get_running_loop().call_later(seconds, self._send_away, waiter, error)

    def _send_away(self, waiter: _Waiter, error: ScoringHostError) -> None:
        if not waiter.turn.done():
            self._waiting.remove(waiter)
            waiter.turn.set_exception(error)

    def _withdraw(self, waiter: _Waiter) -> None:
        turn = waiter.turn
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave()
