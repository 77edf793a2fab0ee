"""Turns on scoring threads: who may run, for how long, and when the turn is free again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from scoringhost.errors import DeadlineExceeded, Overloaded
from scoringhost.kernel import thread_runner as runner_module
from scoringhost.kernel.admission import Admission
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.kernel.thread_runner import ThreadRunner

START_S = 20.0
LIMIT_S = 0.05


class Blocked:
    """Work that begins, and ends when it is told to; no interrupt gets through before that."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        try:
            self.go_on.wait(START_S)
            return "done"
        finally:
            self.ended.set()


class Moves:
    """A mover that only counts."""

    is_coming = False

    def __init__(self) -> None:
        self.came = self.left = 0

    def come(self) -> None:
        self.came += 1

    def leave(self) -> None:
        self.left += 1


@pytest.fixture
def threads() -> Iterator[list[ScoringThread]]:
    threads = [ScoringThread("one"), ScoringThread("two")]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.close()


def play(scenario: Callable[[], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        return await asyncio.wait_for(scenario(), START_S)

    return asyncio.run(within())


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def set_(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, START_S)


async def once(runner: Any, work: Callable[[], Any]) -> Any:
    turn = await runner.turn()
    try:
        return await turn.do(work)
    finally:
        turn.end()


def on(threads: list[ScoringThread], limit_s: float | None = None, waiting: int = 10, **rest: Any) -> ThreadRunner:
    stuck = rest.pop("when_stuck", lambda: None)
    return ThreadRunner(threads, Admission(len(threads), waiting), limit_s, stuck, **rest)


# -- on a scoring thread --------------------------------------------------------------------------


def test_work_is_done_on_the_scoring_thread(threads: list[ScoringThread]) -> None:
    assert play(lambda: once(on(threads[:1]), lambda: threading.current_thread().name)) == "one"


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), TimeoutError("mine")])
def test_what_the_work_raises_reaches_the_caller(threads: list[ScoringThread], error: BaseException) -> None:
    def work() -> None:
        raise error

    async def scenario() -> BaseException:
        with pytest.raises(BaseException) as caught:
            await once(on(threads[:1], START_S), work)
        return caught.value

    assert play(scenario) is error


def test_as_many_calls_run_at_once_as_there_are_threads(threads: list[ScoringThread]) -> None:
    async def scenario() -> None:
        runner = on(threads)
        blocked = [Blocked(), Blocked(), Blocked()]
        calls = [asyncio.create_task(once(runner, work)) for work in blocked]
        await set_(blocked[0].begun)
        await set_(blocked[1].begun)
        assert not blocked[2].begun.is_set()
        for work in blocked:
            work.go_on.set()
        assert await asyncio.gather(*calls) == ["done"] * 3

    play(scenario)


def test_a_call_too_many_is_refused(threads: list[ScoringThread]) -> None:
    async def scenario() -> None:
        runner = on(threads[:1], waiting=0)
        turn = await runner.turn()
        with pytest.raises(Overloaded):
            await runner.turn()
        turn.end()

    play(scenario)


def test_the_caller_of_overdue_work_is_answered_at_the_deadline(threads: list[ScoringThread]) -> None:
    async def scenario() -> None:
        work = Blocked()
        turn = await on(threads[:1], LIMIT_S).turn()
        with pytest.raises(DeadlineExceeded, match="after 50 ms"):
            await turn.do(work)
        assert not work.ended.is_set()
        work.go_on.set()
        turn.end()

    play(scenario)


def test_the_turn_stays_taken_until_overdue_work_has_really_ended(threads: list[ScoringThread]) -> None:
    async def scenario() -> None:
        runner, work = on(threads[:1], LIMIT_S), Blocked()
        with pytest.raises(DeadlineExceeded):
            await once(runner, work)
        following = asyncio.create_task(runner.turn())
        await settled()
        assert not following.done()
        work.go_on.set()
        (await following).end()
        assert work.ended.is_set()

    play(scenario)


def test_the_stack_of_overdue_work_can_be_had_while_it_goes_on(threads: list[ScoringThread]) -> None:
    async def scenario() -> None:
        work = Blocked()
        turn = await on(threads[:1], LIMIT_S).turn()
        assert turn.where() == ""
        with pytest.raises(DeadlineExceeded):
            await turn.do(work)
        assert "in __call__" in turn.where()
        work.go_on.set()
        turn.end()

    play(scenario)


def test_work_in_python_is_broken_off_at_the_deadline(threads: list[ScoringThread]) -> None:
    def work() -> None:
        while True:
            pass

    async def scenario() -> str:
        runner = on(threads[:1], LIMIT_S)
        with pytest.raises(DeadlineExceeded):
            await once(runner, work)
        return str(await once(runner, lambda: "next"))

    assert play(scenario) == "next"


def test_waiting_for_the_turn_does_not_count(threads: list[ScoringThread]) -> None:
    async def scenario() -> str:
        runner = on(threads[:1], LIMIT_S)
        turn = await runner.turn()
        waiting = asyncio.create_task(once(runner, lambda: "in time"))
        await asyncio.sleep(2 * LIMIT_S)
        turn.end()
        return await waiting

    assert play(scenario) == "in time"


def test_waiting_between_two_pieces_does_not_count(threads: list[ScoringThread]) -> None:
    async def scenario() -> str:
        turn = await on(threads[:1], LIMIT_S).turn()
        await turn.do(lambda: None)
        await asyncio.sleep(2 * LIMIT_S)
        try:
            return str(await turn.do(lambda: "in time"))
        finally:
            turn.end()

    assert play(scenario) == "in time"


def test_the_pieces_of_one_turn_share_its_time(threads: list[ScoringThread]) -> None:
    limit_s = 0.5  # on a busy machine a thread may sleep a tenth of a second longer than it asked for

    def takes_most_of_it() -> None:
        time.sleep(0.6 * limit_s)

    async def scenario() -> None:
        turn = await on(threads[:1], limit_s).turn()
        await turn.do(takes_most_of_it)
        with pytest.raises(DeadlineExceeded):
            await turn.do(takes_most_of_it)
        turn.end()

    play(scenario)


def test_a_caller_that_goes_away_while_it_waits_does_not_lose_the_turn(threads: list[ScoringThread]) -> None:
    async def scenario() -> str:
        runner = on(threads[:1])
        turn = await runner.turn()
        gone = asyncio.create_task(runner.turn())
        await settled()
        gone.cancel()
        await settled()
        turn.end()
        return str(await once(runner, lambda: "next"))

    assert play(scenario) == "next"


def test_a_caller_that_goes_away_while_it_runs_gives_the_turn_back_at_the_end(threads: list[ScoringThread]) -> None:
    async def scenario() -> str:
        runner, work = on(threads[:1]), Blocked()
        gone = asyncio.create_task(once(runner, work))
        await set_(work.begun)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        following = asyncio.create_task(once(runner, lambda: "next"))
        await settled()
        assert not following.done(), "the work is still going on"
        work.go_on.set()
        return str(await following)

    assert play(scenario) == "next"


def test_the_deadline_holds_even_if_the_caller_has_gone(threads: list[ScoringThread]) -> None:
    # Otherwise one hanging run() whose caller has gone would block all calls for ever.
    begun = threading.Event()
    enough = threading.Event()

    def work() -> None:
        begun.set()
        while not enough.is_set():
            pass

    async def scenario() -> str:
        runner = on(threads[:1], 4 * LIMIT_S)
        gone = asyncio.create_task(once(runner, work))
        await set_(begun)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        try:
            return str(await asyncio.wait_for(once(runner, lambda: "next"), 2.0))
        except TimeoutError:
            return "blocked"
        finally:
            enough.set()

    assert play(scenario) == "next"


def test_work_that_cannot_be_stopped_is_reported(threads: list[ScoringThread], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "PATIENCE_S", 0.01)

    async def scenario() -> None:
        stuck, work = asyncio.Event(), Blocked()
        with pytest.raises(DeadlineExceeded):
            await once(on(threads[:1], LIMIT_S, when_stuck=stuck.set), work)
        await stuck.wait()
        work.go_on.set()

    play(scenario)


def test_work_that_could_be_stopped_is_not_reported(
    threads: list[ScoringThread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "PATIENCE_S", 0.2)

    async def scenario() -> list[bool]:
        stuck: list[bool] = []
        runner, work = on(threads[:1], LIMIT_S, when_stuck=lambda: stuck.append(True)), Blocked()
        with pytest.raises(DeadlineExceeded):
            await once(runner, work)
        work.go_on.set()
        await asyncio.sleep(0.3)
        return stuck

    assert play(scenario) == []


def test_the_turn_is_taken_while_the_second_piece_runs_though_the_first_was_overdue(
    threads: list[ScoringThread],
) -> None:
    # The closing of a generator is queued behind its overdue step; given away too early, the thread would
    # keep the next call waiting while its time runs.
    async def scenario() -> None:
        runner, first, closing = on(threads[:1], 2 * LIMIT_S), Blocked(), Blocked()
        turn = await runner.turn()
        with pytest.raises(DeadlineExceeded):
            await turn.do(first)
        second = asyncio.create_task(turn.do(closing))
        await settled()
        first.go_on.set()
        await set_(closing.begun)
        await settled()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        turn.end()
        following = asyncio.create_task(runner.turn())
        await settled()
        early = following.done()
        closing.go_on.set()
        (await following).end()
        assert not early, "the closing still runs on the thread"

    play(scenario)


# -- on the spot ----------------------------------------------------------------------------------


def adopted(in_thread: Callable[..., Any], scenario: Callable[[ThreadRunner], Awaitable[Any]], **rest: Any) -> Any:
    """Play a scenario on an event loop that has moved to the scoring thread, where calls are short."""

    def on_scoring_thread() -> Any:
        thread = ScoringThread()
        thread.adopt()
        runner = on([thread], **rest)
        runner.call_speed.short = True
        return play(lambda: scenario(runner))

    return in_thread(on_scoring_thread)


def test_short_calls_are_run_where_the_loop_is(in_thread: Callable[..., Any]) -> None:
    async def scenario(runner: ThreadRunner) -> bool:
        here = threading.get_ident()
        return bool(await once(runner, threading.get_ident) == here)

    assert adopted(in_thread, scenario)


def test_what_a_call_on_the_spot_raises_reaches_the_caller(in_thread: Callable[..., Any]) -> None:
    def work() -> None:
        raise SystemExit(4)

    async def scenario(runner: ThreadRunner) -> None:
        with pytest.raises(SystemExit):
            await once(runner, work)
        assert await once(runner, lambda: "next") == "next"

    adopted(in_thread, scenario)


def test_a_call_on_the_spot_that_was_long_sends_the_loop_away(in_thread: Callable[..., Any]) -> None:
    moves = Moves()
    adopted(in_thread, lambda runner: once(runner, lambda: time.sleep(0.06)), mover=moves)
    assert moves.left == 1


def test_enough_short_calls_bring_the_loop(threads: list[ScoringThread]) -> None:
    moves = Moves()

    async def scenario() -> None:
        runner = on(threads[:1], mover=moves)
        runner.call_speed.needed = 3
        for _ in range(3):
            await once(runner, lambda: None)

    play(scenario)
    assert moves.came >= 1


def test_a_call_on_the_spot_that_is_broken_off_has_exceeded_its_deadline(in_thread: Callable[..., Any]) -> None:
    async def scenario(runner: ThreadRunner) -> None:
        turn = await runner.turn()
        thread, enough = turn._thread, threading.Event()

        def watch() -> None:
            while not enough.is_set() and not thread.interrupt_overdue():
                pass

        watcher = threading.Thread(target=watch, daemon=True)

        def work() -> None:
            watcher.start()
            while True:
                pass

        try:
            with pytest.raises(DeadlineExceeded, match="after 50 ms"):
                await turn.do(work)
        finally:
            enough.set()
            turn.end()

    adopted(in_thread, scenario, limit_s=LIMIT_S)


def test_a_script_may_run_an_event_loop_of_its_own_on_the_spot(in_thread: Callable[..., Any]) -> None:
    async def inner() -> str:
        return "mine"

    def work() -> str:
        coroutine = inner()
        try:
            return asyncio.run(coroutine)
        finally:
            coroutine.close()

    async def scenario(runner: ThreadRunner) -> Any:
        return await once(runner, work)

    assert adopted(in_thread, scenario) == "mine"
