"""ScoringThread: jobs one by one on one thread, and breaking one off."""

from __future__ import annotations

import random
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from scoringhost.kernel import scoring_thread
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.scoring_thread import Interrupted, Job, ScoringThread

START_S = 20.0


@pytest.fixture
def thread() -> Iterator[ScoringThread]:
    thread = ScoringThread("under-test")
    thread.start()
    yield thread
    thread.close()


def nothing() -> None: ...


def raises(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


class Broken:
    """Work that says when it has begun and goes on in Python until it is told to stop."""

    def __init__(self, body: Callable[[], None] = nothing) -> None:
        self.begun, self.over, self.enough = threading.Event(), threading.Event(), False
        self._body = body

    def __call__(self) -> None:
        self.begun.set()
        while not self.enough:
            self._body()

    def broken_off(self, thread: ScoringThread) -> Job[None]:
        job = thread.submit(self, self.over.set)
        assert self.begun.wait(START_S)
        thread.interrupt(job)
        assert self.over.wait(START_S), "the interrupt has no effect"
        return job


# -- jobs -----------------------------------------------------------------------------------------


def test_a_job_is_done_on_the_thread_of_that_name(thread: ScoringThread) -> None:
    assert thread.ask(lambda: threading.current_thread().name) == "under-test"


def test_jobs_are_done_in_the_order_they_came(thread: ScoringThread) -> None:
    order: list[int] = []
    for number in range(50):
        thread.submit(partial(order.append, number), nothing)
    thread.ask(nothing)
    assert order == list(range(50))


def test_a_job_runs_in_the_context_of_whoever_submits_it(thread: ScoringThread) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    token = variable.set("mine")
    assert thread.ask(variable.get) == "mine"
    variable.reset(token)
    assert thread.ask(variable.get) == "unset"


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_a_job_raises_is_kept_for_the_caller(thread: ScoringThread, error: BaseException) -> None:
    with pytest.raises(type(error)):
        thread.ask(raises(error))
    assert thread.ask(lambda: "alive") == "alive"


def test_a_caller_whose_event_loop_is_closed_does_not_end_the_thread(thread: ScoringThread) -> None:
    thread.submit(nothing, raises(RuntimeError("Event loop is closed")))
    assert thread.ask(lambda: "alive") == "alive"


def test_a_job_knows_how_long_it_took(thread: ScoringThread) -> None:
    over = threading.Event()
    job = thread.submit(lambda: sum(range(100_000)), over.set)
    assert over.wait(START_S)
    assert 0 < job.spent_s < START_S


def test_what_was_queued_before_the_end_is_done() -> None:
    thread, done = ScoringThread(), threading.Event()
    thread.submit(done.set, nothing)
    thread.close()
    thread.start()
    assert done.wait(START_S)


def test_only_the_scoring_thread_is_here(thread: ScoringThread) -> None:
    assert thread.ask(thread.is_here)
    assert not thread.is_here()


def test_the_stack_shows_where_the_job_is_without_our_frames(thread: ScoringThread) -> None:
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def hangs_here() -> None:
        begun.set()
        go_on.wait(START_S)

    thread.submit(hangs_here, over.set)
    assert begun.wait(START_S)
    stack = thread.stack()
    go_on.set()
    assert over.wait(START_S)
    assert stack.startswith("Still running (most recent call last):\n")
    assert "in hangs_here" in stack
    assert str(scoring_thread.__file__) not in stack


def test_a_thread_that_was_never_started_has_no_stack() -> None:
    assert ScoringThread().stack() == ""


# -- interrupts -----------------------------------------------------------------------------------


def test_a_loop_in_python_is_broken_off(thread: ScoringThread) -> None:
    assert isinstance(Broken().broken_off(thread).error, Interrupted)


def test_a_script_that_swallows_every_exception_is_broken_off(thread: ScoringThread) -> None:
    def swallow() -> None:
        try:
            sum(range(10))
        except Exception:
            return

    assert isinstance(Broken(swallow).broken_off(thread).error, Interrupted)


def test_the_cleaning_up_of_a_broken_off_job_is_done(thread: ScoringThread) -> None:
    cleaned = threading.Event()
    begun = threading.Event()
    over = threading.Event()

    def work() -> None:
        try:
            begun.set()
            while True:
                pass
        finally:
            cleaned.set()

    job = thread.submit(work, over.set)
    assert begun.wait(START_S)
    thread.interrupt(job)
    assert over.wait(START_S)
    assert cleaned.is_set()


def test_a_job_that_is_over_cannot_be_interrupted(thread: ScoringThread) -> None:
    over = threading.Event()
    job = thread.submit(nothing, over.set)
    assert over.wait(START_S)
    thread.interrupt(job)
    assert thread.ask(lambda: sum(range(1000))) == 499_500


def test_a_job_that_waits_for_its_turn_is_not_interrupted(thread: ScoringThread) -> None:
    first, over = Broken(), threading.Event()
    thread.submit(first, nothing)
    assert first.begun.wait(START_S)
    second = thread.submit(lambda: "done", over.set)
    thread.interrupt(second)
    first.enough = True
    assert over.wait(START_S)
    assert second.result == "done"


def test_a_job_is_interrupted_once_at_most(thread: ScoringThread) -> None:
    survived, begun, over = threading.Event(), threading.Event(), threading.Event()

    def stubborn() -> str:
        try:
            begun.set()
            while True:
                pass
        except Interrupted:
            survived.set()
        return "finished" if second.wait(START_S) else "never told"

    second = threading.Event()
    job = thread.submit(stubborn, over.set)
    assert begun.wait(START_S)
    thread.interrupt(job)
    assert survived.wait(START_S)
    thread.interrupt(job)
    second.set()
    assert over.wait(START_S)
    assert job.result == "finished"


def test_interrupts_at_random_moments_never_lose_the_next_job(thread: ScoringThread) -> None:
    chance = random.Random(20_26)
    interval_s = sys.getswitchinterval()

    def counted(rounds: int, number: int) -> tuple[int, int]:
        return sum(range(rounds)), number

    sys.setswitchinterval(1e-5)
    try:
        for number in range(1500):
            over, rounds = threading.Event(), chance.randrange(400)
            job = thread.submit(partial(counted, rounds, number), over.set)
            for _ in range(chance.randrange(400)):
                pass
            thread.interrupt(job)
            assert over.wait(START_S), f"job {number} was never reported"
            assert isinstance(job.error, Interrupted) or job.result == (sum(range(rounds)), number)
            assert thread.ask(partial(int, number)) == number
    finally:
        sys.setswitchinterval(interval_s)


INTERRUPT_ANYWHERE = """
import contextvars, os, threading
from scoringhost.kernel import scoring_thread
from scoringhost.kernel.scoring_thread import Interrupted, Job, ScoringThread

class InterruptAt:
    # interrupts a job at the n-th line or call inside the scoring thread's own code

    def __init__(self, thread, number):
        self.thread, self.left, self.job, self.at = thread, number, None, 0

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename != scoring_thread.__file__:
            return None
        if self.job is None or self.thread._current is not self.job or self.thread._lock.locked():
            return self  # one by another thread would wait for the lock
        if event in ("call", "line"):
            self.left -= 1
            if self.left == -1:
                self.at = frame.f_lineno
                self.thread.interrupt(self.job)
        return self

def outcome(number):
    thread = ScoringThread()
    tracer = InterruptAt(thread, number)
    threading.settrace(tracer)
    thread.start()
    threading.settrace(None)
    over, again = threading.Event(), threading.Event()

    def work():
        return "done"

    job = tracer.job = Job(work, over.set, contextvars.copy_context())
    thread._jobs.put(job)
    if not over.wait(10):
        return tracer.at, "not reported"
    if job.result != "done" and not isinstance(job.error, Interrupted):
        return tracer.at, f"of no outcome: {job.error!r}"
    tracer.job = None
    thread.submit(lambda: None, again.set)
    if not again.wait(10):
        return tracer.at, "not alive"
    thread.close()
    return tracer.at, ""

interrupted_at = set()
for number in range(24):
    line, bad = outcome(number)
    interrupted_at.add(line)
    if bad:
        print(number, line, bad, flush=True)
if 0 not in interrupted_at:
    print("more lines than were tried", flush=True)
os._exit(0)
"""


def test_an_interrupt_at_any_line_never_loses_the_report_of_its_job(python: Callable[..., str]) -> None:
    # Without the report the caller's turn is never given back, and the worker counts as stuck; without an
    # outcome the caller would be answered with null, as if that were the result.
    assert python(INTERRUPT_ANYWHERE) == ""


TRACED = """
import os, threading
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.scoring_thread import ScoringThread

thread, over = ScoringThread(), threading.Event()
threading.settrace(lambda frame, event, argument: None)
thread.start()
thread.submit(lambda: None, over.set)
print(over.wait(2), flush=True)
os._exit(0)
"""


def test_a_job_can_be_traced_by_a_debugger_or_by_coverage(python: Callable[..., str]) -> None:
    # After PyThreadState_SetAsyncExc(thread, NULL), CPython 3.11 never takes its "pending" flag back: all
    # Python code of the process gets some 10 % slower, and a traced thread spins for ever at its next call.
    assert python(TRACED) == "True"


# -- work on the spot -----------------------------------------------------------------------------


def on_the_spot(work: Callable[[ScoringThread], Any]) -> Callable[[], Any]:
    def adopted() -> Any:
        thread = ScoringThread()
        thread.adopt()
        return work(thread)

    return adopted


def test_work_on_the_spot_is_done_at_once(in_thread: Callable[..., Any]) -> None:
    assert in_thread(on_the_spot(lambda thread: thread.perform_here(lambda: "done", None))) == "done"


def test_what_work_on_the_spot_raises_is_raised_there(in_thread: Callable[..., Any]) -> None:
    with pytest.raises(SystemExit):
        in_thread(on_the_spot(lambda thread: thread.perform_here(raises(SystemExit(2)), None)))


def test_overdue_work_on_the_spot_is_broken_off_by_another_thread(in_thread: Callable[..., Any]) -> None:
    def scenario(thread: ScoringThread) -> tuple[bool, str]:
        begun = threading.Event()
        over: list[float] = []

        def watch() -> None:
            begun.wait(START_S)
            while not over or not over[-1]:
                over.append(thread.interrupt_overdue())

        def work() -> None:
            begun.set()
            while True:
                pass

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        with pytest.raises(Interrupted):
            thread.perform_here(work, 0.0)
        watcher.join(START_S)
        return over[-1] > 0, thread.perform_here(lambda: "next", None)

    assert in_thread(on_the_spot(scenario)) == (True, "next")


def test_work_without_a_limit_is_never_overdue(in_thread: Callable[..., Any]) -> None:
    assert in_thread(on_the_spot(lambda thread: thread.perform_here(thread.interrupt_overdue, None))) == 0.0


def test_work_within_its_limit_is_not_overdue(in_thread: Callable[..., Any]) -> None:
    assert in_thread(on_the_spot(lambda thread: thread.perform_here(thread.interrupt_overdue, 60.0))) == 0.0


def test_no_work_is_not_overdue() -> None:
    assert ScoringThread().interrupt_overdue() == 0.0


def test_the_watcher_never_breaks_off_the_work_that_follows_the_overdue_one(
    in_thread: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The overdue work ends, and the next begins, between the watcher's look at the clock and its interrupt.
    looked, next_has_begun = threading.Event(), threading.Event()
    thread = ScoringThread()
    watcher = threading.Thread(target=thread.interrupt_overdue, daemon=True)

    def clock_s() -> float:
        if threading.current_thread() is watcher:
            looked.set()
            next_has_begun.wait(START_S)
        return time.monotonic()

    def overdue() -> None:
        watcher.start()
        looked.wait(START_S)

    def following() -> int:
        next_has_begun.set()
        watcher.join(START_S)
        return sum(range(1000))

    def both() -> int:
        thread.adopt()
        thread.perform_here(overdue, -1.0)
        return thread.perform_here(following, None)

    clock = types.SimpleNamespace(monotonic=clock_s, perf_counter=time.perf_counter)
    monkeypatch.setattr(scoring_thread, "time", clock)
    assert in_thread(both) == 499_500


# -- on the main thread ---------------------------------------------------------------------------

MAIN = """
import threading, time
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.scoring_thread import Interrupted, ScoringThread

thread = ScoringThread()
thread.adopt()
begun = threading.Event()

def work():
    begun.set()
    time.sleep(60)

def other():
    over = threading.Event()
    job = thread.submit(work, over.set)
    begun.wait()
    started_s = time.monotonic()
    while not over.wait(0.01):
        thread.interrupt(job)
    print(type(job.error).__name__, time.monotonic() - started_s < 10)
    print(thread.ask(lambda: threading.current_thread() is threading.main_thread()))
    thread.close()

threading.Thread(target=other).start()
thread.serve_here()
print("ended")
"""

MAIN_STRESS = """
import random, sys, threading
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.scoring_thread import ScoringThread

sys.setswitchinterval(1e-5)
thread = ScoringThread()
thread.adopt()
chance = random.Random(3)

def other():
    lost = 0
    for number in range(1500):
        over = threading.Event()
        job = thread.submit(lambda: sum(range(chance.randrange(400))), over.set)
        for _ in range(chance.randrange(400)):
            pass
        thread.interrupt(job)
        lost += not over.wait(2)
        lost += thread.ask(lambda: number) != number
    print("lost", lost)
    thread.close()

threading.Thread(target=other).start()
thread.serve_here()
"""


@pytest.mark.skipif(scoring_thread._SIGNAL is None, reason="this platform has no real-time signals")
def test_on_the_main_thread_even_a_sleep_is_broken_off_at_once(python: Callable[..., str]) -> None:
    assert python(MAIN).splitlines() == ["Interrupted True", "True", "ended"]


@pytest.mark.skipif(scoring_thread._SIGNAL is None, reason="this platform has no real-time signals")
def test_on_the_main_thread_interrupts_at_random_moments_lose_nothing(python: Callable[..., str]) -> None:
    assert python(MAIN_STRESS) == "lost 0"


def test_work_on_the_spot_is_broken_off_at_its_callers_deadline_but_is_never_over_its_limit_for_that(
    in_thread: Callable[..., Any],
) -> None:
    def scenario(thread: ScoringThread) -> list[float]:
        over: list[float] = []

        def work() -> None:
            watcher = threading.Thread(target=lambda: over.append(thread.interrupt_overdue()), daemon=True)
            watcher.start()
            while True:
                pass

        thread.deadline = Deadline(0.0, time.monotonic())
        with pytest.raises(Interrupted):
            thread.perform_here(work, 60.0)
        return over

    assert in_thread(on_the_spot(scenario)) == [0.0]


def test_a_job_that_has_been_reported_keeps_nothing_of_its_work(thread: ScoringThread) -> None:
    over = threading.Event()
    work = Broken()
    work.enough = True
    job = thread.submit(work, over.set)
    assert over.wait(START_S)
    kept = [name for name in Job.__slots__ if getattr(job, name, None) is work]
    assert kept == []


def test_work_on_the_spot_does_not_come_to_its_end_while_it_is_held() -> None:
    thread = ScoringThread()
    begun, go_on, order = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go_on.wait(30)

    def loop() -> None:
        thread.adopt()
        thread.perform_here(work, None)
        order.append("the loop goes on")

    with thread.held() as is_busy:
        assert not is_busy
    runs = threading.Thread(target=loop)
    runs.start()
    assert begun.wait(30)
    with thread.held() as is_busy:
        assert is_busy
        go_on.set()
        while thread.is_busy:
            threading.Event().wait(0.001)
        order.append("the other has done its work")
    runs.join(30)

    assert order == ["the other has done its work", "the loop goes on"]
    with thread.held() as is_busy:
        assert not is_busy
