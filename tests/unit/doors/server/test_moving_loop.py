"""MovingLoop: on one thread or the other, and never held up by what it has handed over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from scoringhost.doors.server.moving_loop import MovingLoop
from scoringhost.kernel.scoring_thread import ScoringThread

Moving = Callable[..., Any]


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_the_loop_comes_and_leaves(moving: Moving) -> None:
    async def scenario(thread: ScoringThread, mover: MovingLoop) -> None:
        for _ in range(3):
            assert not thread.is_here()
            mover.come()
            await until(thread.is_here)
            mover.leave()
            await until(lambda: not thread.is_here())

    moving(scenario)


def test_a_loop_that_was_about_to_come_stays_when_work_is_handed_over(moving: Moving) -> None:
    # Else the loop would wait for that work: it comes only when the scoring thread has nothing to do.
    async def scenario(thread: ScoringThread, mover: MovingLoop) -> bool:
        go_on, over = threading.Event(), threading.Event()
        mover.come()
        mover.leave()
        thread.submit(lambda: go_on.wait(10), over.set)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        still_at_work = not over.is_set()
        go_on.set()
        await asyncio.to_thread(over.wait)
        return still_at_work

    assert moving(scenario)
