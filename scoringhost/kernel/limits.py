"""Limits: what the calls of one service may take."""

from __future__ import annotations

from dataclasses import dataclass

from scoringhost.kernel.admission import Admission
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.batch_queue import BatchRoom

ASYNC_ROOM = 100
"""Calls of an `async def run` under way at once in one worker, unless `threads` says more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls of run() at once, how many waiting, how long one may take (seconds), and batching.

    max_waiting, and max_concurrent with those that run: for no more there is room. max_wait_s: seconds that
    one may wait.
    """

    threads: int = 1
    max_waiting: int = 1000
    max_concurrent: int | None = None
    max_wait_s: float | None = None
    run_s: float | None = None
    batch: BatchPolicy | None = None
    refuses_unknown_keys: bool | None = None
    """Whether a key that run() does not take is refused, or warned of; None: if the script says @typed."""

    def admission(self, threads: int | None) -> Admission:
        """A gate for calls with these limits; `threads` of them can run at once, None for an async run()."""
        room = max(ASYNC_ROOM, self.threads) if threads is None else threads
        waiting = self.max_waiting
        if self.max_concurrent is not None:
            room = min(room, self.max_concurrent)
            waiting = min(waiting, self.max_concurrent - room)
        return Admission(room, waiting, self.max_wait_s)

    def batch_room(self) -> BatchRoom:
        """The same for calls that wait for their batch."""
        return BatchRoom(self.max_waiting, self.max_concurrent, self.max_wait_s)


USUAL = Limits()
"""One call at a time, 1,000 waiting, none of them limited in time."""
