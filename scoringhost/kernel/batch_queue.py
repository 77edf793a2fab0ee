"""The calls that wait for their batch: how many may, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import CallerTimedOut, Overloaded
from scoringhost.kernel.admission import (
    LOOK_S,
    NOT_BEGUN,
    MeanTime,
    require_hope,
    require_time,
    retry_after_s,
    waited_in_vain,
)
from scoringhost.kernel.call import Call, Scored
from scoringhost.kernel.deadline import Deadline


@dataclass(slots=True, eq=False)
class Waiting:
    """One call that waits for its batch."""

    call: Call
    arguments: dict[str, Any]
    key: tuple[Hashable, ...] | None
    rows: int
    own_id: str
    since_s: float
    answer: asyncio.Future[Scored] | None
    has_begun: bool = False

    def begin(self, batch: dict[str, object]) -> None:
        """Its batch is about to be run; what fails in a batch is run again, but has waited only once."""
        is_first, self.has_begun = not self.has_begun, True
        stages = self.call.stages
        if stages is None:
            return
        if is_first:
            stages.waited(time.monotonic() - self.since_s)
        stages.joins(batch)

    def is_gone(self) -> bool:
        """Whether nobody waits for its answer any more."""
        if self.answer is None or self.answer.done():
            return True
        if self.call.abandoned():
            self.answer.cancel()
        return self.answer.done()

    def give(self, scored: Scored) -> None:
        """Answer the call, if somebody still waits."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(scored)

    def fail(self, error: Exception) -> None:
        """Tell its caller what has gone wrong, if somebody still waits."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)

    def forget(self) -> None:
        """Nobody waits any more. An error that was the answer leads, by way of its frames and from Python 3.12 on of
        those that have called them, to whatever holds this call: see `thread_runner._outcome_of`."""
        self.answer = None


@dataclass(frozen=True, slots=True)
class BatchRoom:
    """How many calls may wait, how many with those that run, and for how many seconds one may wait."""

    max_waiting: int
    max_concurrent: int | None = None
    max_wait_s: float | None = None


class BatchQueue:
    """The calls that wait, in the order of their arrival; for one event loop."""

    def __init__(self, room: BatchRoom) -> None:
        self._room = room
        self.entries: deque[Waiting] = deque()
        self._running = 0
        self._looked_s = -math.inf
        self._per_call, self._per_batch = MeanTime(), MeanTime()

    @property
    def wait_s(self) -> float:
        """How long a call that came now would have to wait, in seconds, as far as can be known."""
        return len(self.entries) * self._per_call.seconds

    def require_room(self, deadline: Deadline | None) -> None:
        """Make sure that one more call may wait; `deadline` is its caller's own.

        Raises:
            Overloaded: if too many wait already, or this one would have to wait longer than it may.
            CallerTimedOut: if its caller does not wait at all.
        """
        require_time(deadline)
        self._let_go()
        room, waiting = self._room, len(self.entries)
        if waiting >= room.max_waiting:
            raise Overloaded(f"{waiting} calls are waiting already; try again later", retry_after_s(self.wait_s))
        if room.max_concurrent is not None and waiting + self._running >= room.max_concurrent:
            why = f"{waiting + self._running} calls are waiting or running already; try again later"
            raise Overloaded(why, retry_after_s(self.wait_s))
        if self._running:
            require_hope(self.wait_s, self._per_batch.seconds, room.max_wait_s, deadline)

    def _let_go(self) -> None:
        """Send those away whose callers have gone: nobody is to be refused for their sake."""
        now_s = time.monotonic()
        if self.entries and now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self.entries = deque(entry for entry in self.entries if not entry.is_gone())

    def time_limits(self, entry: Waiting, loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
        """Have a call sent away when it has waited too long, or when its caller waits no longer."""
        timers = []
        if self._room.max_wait_s is not None:
            seconds, error = waited_in_vain(self._room.max_wait_s, None, self.wait_s)
            timers.append(loop.call_later(seconds, self._send_away, entry, error))
        deadline = entry.call.deadline
        if deadline is not None:
            timers.append(loop.call_later(deadline.left_s, self._time_out, entry, deadline))
        return timers

    @contextlib.contextmanager
    def running(self, calls: int) -> Iterator[None]:
        """Around the run() of a batch of so many calls, which is timed."""
        began_s = time.monotonic()
        self._running = calls
        try:
            yield
        finally:
            self._running = 0
        spent_s = time.monotonic() - began_s
        self._per_batch.observe(spent_s)
        self._per_call.observe(spent_s / calls)

    def _send_away(self, entry: Waiting, error: Exception) -> None:
        """It has waited long enough; once it runs it does not matter how long it has."""
        if not entry.has_begun:
            self._tell(entry, error)

    def _time_out(self, entry: Waiting, deadline: Deadline) -> None:
        what = "nobody waits for what run() gives" if entry.has_begun else NOT_BEGUN
        self._tell(entry, CallerTimedOut(deadline.timeout_s, what))

    def _tell(self, entry: Waiting, error: Exception) -> None:
        entry.fail(error)
        if entry in self.entries:
            self.entries.remove(entry)
