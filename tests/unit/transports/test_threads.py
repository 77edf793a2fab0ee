"""The event loop and the threads of an app that somebody else's server runs."""

from __future__ import annotations

import asyncio
import threading
import time

from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.transports.threads import Process


class Idle:
    """A site of no services."""

    threads = 1

    def init(self) -> None:
        pass

    def open(self, threads: list[ScoringThread], when_stuck: object) -> None:
        pass

    def drain(self) -> None:
        pass

    def shutdown(self) -> None:
        pass


# BUG: a stream that was read to its end just before the app was closed was never closed itself: the
# event loop stopped before it began to ("coroutine '_close' was never awaited", seen in CI).
def test_what_was_left_to_the_loop_is_done_before_it_ends() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("done")

    process = Process(Idle())  # type: ignore[arg-type]
    process.init()
    assert process._loop is not None
    busy = threading.Event()

    def be_busy() -> None:  # so that the work and the end meet
        busy.set()
        time.sleep(0.2)

    process._loop.call_soon_threadsafe(be_busy)
    assert busy.wait(10)
    process.leave(work())
    process.close()
    assert done == ["done"]


def test_what_is_left_after_the_end_is_closed_unrun() -> None:
    process = Process(Idle())  # type: ignore[arg-type]
    process.init()
    process.close()

    async def work() -> None:
        raise AssertionError("there is no loop to run this")

    late = work()
    process.leave(late)
    assert late.cr_frame is None


def test_work_that_does_not_end_does_not_hold_up_the_end() -> None:
    process = Process(Idle())  # type: ignore[arg-type]
    process.init()
    began, ended = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    process.leave(work())
    assert began.wait(10)
    process.close(patience_s=0)
    assert ended.is_set()
