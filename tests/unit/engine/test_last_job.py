"""The last job of a scoring thread: done to its end, or never."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from scoringhost.engine.last_job import do_last
from scoringhost.kernel.scoring_thread import ScoringThread


@pytest.fixture
def thread() -> Iterator[ScoringThread]:
    """A scoring thread that has begun."""
    thread = ScoringThread()
    thread.start()
    yield thread
    thread.close()


def test_it_is_done_on_that_thread_before_the_answer(thread: ScoringThread) -> None:
    where: list[str] = []
    assert do_last(thread, lambda: where.append(threading.current_thread().name), time.monotonic() + 60)
    assert where == ["scoring"]


def test_an_idle_thread_does_it_even_if_the_time_is_over(thread: ScoringThread) -> None:
    assert do_last(thread, lambda: None, time.monotonic() - 60)


def test_what_it_raises_is_raised_to_the_caller(thread: ScoringThread) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        do_last(thread, fail, time.monotonic() + 60)


def test_behind_work_that_does_not_end_it_is_never_done(thread: ScoringThread) -> None:
    begun, let_go, over = threading.Event(), threading.Event(), threading.Event()
    done: list[int] = []

    def work() -> None:
        begun.set()
        let_go.wait(60)

    thread.submit(work, lambda: None)
    assert begun.wait(30)
    assert not do_last(thread, lambda: done.append(1), time.monotonic())
    let_go.set()
    thread.submit(lambda: None, over.set)
    assert over.wait(30)
    assert done == []
