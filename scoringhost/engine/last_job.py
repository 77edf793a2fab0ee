"""The last job of a scoring thread, which may be stuck in the one before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from scoringhost.kernel.scoring_thread import ScoringThread

HURRY_S = 0.5
"""Seconds that a thread with nothing to do has to begin, however late it is."""


def do_last(thread: ScoringThread, work: Callable[[], object], until_s: float) -> bool:
    """Do some work to its end on a scoring thread, unless that is still busy at that time of `time.monotonic`.

    Returns whether it was done; if not, it never will be. Raises what the work raises.
    """
    begun, over, decided = threading.Event(), threading.Event(), threading.Lock()

    def work_if_in_time() -> None:
        # Whoever takes the lock first decides: a run() that ends a moment after we have given up on it
        # must not be followed by a shutdown() that nobody waits for any more.
        if decided.acquire(blocking=False):
            begun.set()
            work()

    job = thread.submit(work_if_in_time, over.set)
    left_s = max(HURRY_S, until_s - time.monotonic())
    if not begun.wait(left_s) and decided.acquire(blocking=False):
        return False
    over.wait()
    if job.error is not None:
        raise job.error
    return True
