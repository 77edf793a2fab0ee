"""Turns on the event loop, for an `async def run`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from scoringhost.errors import DeadlineExceeded, NotReady
from scoringhost.kernel.admission import Admission
from scoringhost.kernel.loop_runner import LoopRunner

START_S = 20.0
LIMIT_S = 0.05


def play(scenario: Callable[[], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        return await asyncio.wait_for(scenario(), START_S)

    return asyncio.run(within())


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def once(runner: Any, work: Callable[[], Any]) -> Any:
    turn = await runner.turn()
    try:
        return await turn.do(work)
    finally:
        turn.end()


def awaited(limit_s: float | None = None, room: int = 1) -> LoopRunner:
    return LoopRunner(Admission(room, 10), limit_s)


def test_async_work_is_awaited() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert play(lambda: once(awaited(), work)) == "done"


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), TimeoutError("mine")])
def test_what_async_work_raises_reaches_the_caller_and_the_loop_lives_on(error: BaseException) -> None:
    async def work() -> None:
        raise error

    async def scenario() -> BaseException:
        with pytest.raises(BaseException) as caught:
            await once(awaited(START_S), work)
        await settled()
        return caught.value

    assert play(scenario) is error


def test_work_that_fails_before_it_is_awaited_fails_the_same_way() -> None:
    def work() -> Awaitable[None]:
        raise ValueError("at once")

    async def scenario() -> None:
        with pytest.raises(ValueError, match="at once"):
            await once(awaited(), work)

    play(scenario)


def test_overdue_async_work_is_cancelled() -> None:
    cancelled: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def scenario() -> None:
        with pytest.raises(DeadlineExceeded):
            await once(awaited(LIMIT_S), work)
        await settled()

    play(scenario)
    assert cancelled == [True]


def test_the_place_of_overdue_async_work_stays_taken_until_it_has_cleaned_up() -> None:
    async def scenario() -> None:
        runner, go_on = awaited(LIMIT_S), asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await go_on.wait()

        with pytest.raises(DeadlineExceeded):
            await once(runner, work)
        following = asyncio.create_task(runner.turn())
        await settled()
        assert not following.done()
        go_on.set()
        (await following).end()

    play(scenario)


def test_async_work_is_cancelled_when_its_caller_goes_away() -> None:
    async def scenario() -> None:
        runner, begun = awaited(), asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        gone = asyncio.create_task(once(runner, work))
        await begun.wait()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        (await runner.turn()).end()

    play(scenario)


def test_the_pieces_of_one_async_turn_share_its_time() -> None:
    async def takes_most_of_it() -> None:
        await asyncio.sleep(0.6 * LIMIT_S)

    async def scenario() -> None:
        turn = await awaited(LIMIT_S).turn()
        await turn.do(takes_most_of_it)
        with pytest.raises(DeadlineExceeded):
            await turn.do(takes_most_of_it)
        turn.end()

    play(scenario)


def test_many_async_calls_are_under_way_at_once() -> None:
    async def scenario() -> None:
        runner, all_here = awaited(room=5), asyncio.Barrier(5)
        await asyncio.gather(*(once(runner, all_here.wait) for _ in range(5)))

    play(scenario)


def test_a_closed_gate_refuses_async_calls_too() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        gate.close("over")
        with pytest.raises(NotReady, match="over"):
            await LoopRunner(gate, None).turn()

    play(scenario)
