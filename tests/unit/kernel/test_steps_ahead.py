"""Steps that are made ahead on the scoring thread: how many, of what, and that nothing waits for a slow one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from scoringhost.errors import DeadlineExceeded
from scoringhost.kernel import steps_ahead
from scoringhost.kernel.admission import Admission
from scoringhost.kernel.scoring_thread import Job, ScoringThread
from scoringhost.kernel.streaming import END, ThreadSteps
from scoringhost.kernel.thread_runner import ThreadRunner, ThreadTurn

START_S = 20.0


class CountingThread(ScoringThread):
    """Counts what is handed over to it."""

    handed_over = 0

    def submit(self, *work: Any, **more: Any) -> Job[Any]:
        self.handed_over += 1
        return super().submit(*work, **more)


@pytest.fixture
def thread() -> Iterator[CountingThread]:
    thread = CountingThread()
    thread.start()
    yield thread
    thread.close()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, steps count as short."""
    monkeypatch.setattr(steps_ahead, "AHEAD_S", START_S)


def play(
    thread: ScoringThread,
    source: Iterator[object],
    scenario: Callable[[ThreadTurn, ThreadSteps], Awaitable[Any]],
    limit_s: float | None = None,
) -> Any:
    async def within() -> Any:
        turn = await ThreadRunner([thread], Admission(1, 10), limit_s, lambda: None).turn()
        try:
            return await asyncio.wait_for(scenario(turn, ThreadSteps(source)), START_S)
        finally:
            turn.end()

    return asyncio.run(within())


async def all_of(turn: ThreadTurn, steps: ThreadSteps) -> list[object]:
    items = []
    while (item := await turn.next(steps.next)) is not END:
        items.append(item)
    return items


# BUG: every step was a hand-over of its own, and a stream of five trivial ones took five times as long as need be.
@pytest.mark.usefixtures("unhurried")
def test_short_steps_are_one_hand_over(thread: CountingThread) -> None:
    texts = ["one", b"two", 3, 4.0, None]
    assert play(thread, iter(texts), all_of) == texts
    assert thread.handed_over == 1


def test_a_step_that_is_no_more_short_ends_the_hand_over(
    thread: CountingThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps_ahead, "AHEAD_S", 0.0)
    assert play(thread, iter("abc"), all_of) == ["a", "b", "c"]
    assert thread.handed_over == 4  # and one for the end


@pytest.mark.usefixtures("unhurried")
def test_a_step_that_blocks_does_not_delay_what_was_made_before_it(thread: CountingThread) -> None:
    taken = threading.Event()

    def steps() -> Iterator[object]:
        yield "a"
        yield "b"
        assert taken.wait(START_S)
        yield "c"

    async def scenario(turn: ThreadTurn, steps: ThreadSteps) -> list[object]:
        early = [await turn.next(steps.next), await turn.next(steps.next)]
        taken.set()
        return early + await all_of(turn, steps)

    assert play(thread, steps(), scenario) == ["a", "b", "c"]


@pytest.mark.usefixtures("unhurried")
def test_what_may_change_is_taken_before_the_next_step(thread: CountingThread) -> None:
    def steps() -> Iterator[object]:
        same: list[int] = []
        for number in range(4):
            same.append(number)
            yield same

    async def scenario(turn: ThreadTurn, steps: ThreadSteps) -> list[int]:
        lengths = []
        while (item := await turn.next(steps.next)) is not END:
            assert isinstance(item, list)
            lengths.append(len(item))
        return lengths

    assert play(thread, steps(), scenario) == [1, 2, 3, 4]


@pytest.mark.usefixtures("unhurried")
def test_what_a_step_raises_comes_after_the_items_before_it(thread: CountingThread) -> None:
    def steps() -> Iterator[object]:
        yield "a"
        yield "b"
        raise ValueError("no c")

    async def scenario(turn: ThreadTurn, steps: ThreadSteps) -> list[object]:
        items = [await turn.next(steps.next), await turn.next(steps.next)]
        with pytest.raises(ValueError, match="no c"):
            await turn.next(steps.next)
        return items

    assert play(thread, steps(), scenario) == ["a", "b"]


@pytest.mark.usefixtures("unhurried")
def test_no_more_is_made_ahead_than_its_reader_has_room_for(thread: CountingThread) -> None:
    made: list[int] = []

    def steps() -> Iterator[object]:
        while True:
            made.append(1)
            yield "more"

    async def scenario(turn: ThreadTurn, steps: ThreadSteps) -> int:
        await turn.next(steps.next)
        await turn.step(steps.close)  # which waits for the steps under way
        return len(made)

    assert play(thread, steps(), scenario) <= steps_ahead.MOST_AHEAD + 1


@pytest.mark.usefixtures("unhurried")
def test_the_time_limit_holds_for_steps_made_ahead(thread: CountingThread) -> None:
    def steps() -> Iterator[object]:
        yield "a"
        while True:
            pass

    async def scenario(turn: ThreadTurn, steps: ThreadSteps) -> None:
        assert await turn.next(steps.next) == "a"
        with pytest.raises(DeadlineExceeded):
            await turn.next(steps.next)

    play(thread, steps(), scenario, limit_s=0.2)


@pytest.mark.usefixtures("unhurried")
def test_a_reader_that_goes_while_a_step_blocks_leaves_a_turn_that_ends_with_it(thread: CountingThread) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def steps() -> Iterator[object]:
        begun.set()
        assert go_on.wait(START_S)
        yield "late"

    async def scenario(turn: ThreadTurn, steps: ThreadSteps) -> None:
        reader = asyncio.create_task(turn.next(steps.next))
        assert await asyncio.to_thread(begun.wait, START_S)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        go_on.set()
        await turn.step(steps.close)

    play(thread, steps(), scenario)
