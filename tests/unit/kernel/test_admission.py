"""Admission: a fair gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from scoringhost.errors import NotReady, Overloaded
from scoringhost.kernel.admission import Admission


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_there_are_as_many_places_as_there_is_room() -> None:
    async def scenario() -> None:
        gate = Admission(2, 0)
        await gate.enter()
        assert not gate.full
        await gate.enter()
        assert gate.full

    play(scenario)


def test_one_call_more_than_may_wait_is_refused() -> None:
    async def scenario() -> None:
        gate = Admission(1, 1)
        await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await settled()
        with pytest.raises(Overloaded, match="1 calls are waiting"):
            await gate.enter()
        gate.leave()
        await waiting

    play(scenario)


def test_calls_get_in_by_the_order_of_their_arrival() -> None:
    async def scenario() -> None:
        gate, order = Admission(1, 10), []
        await gate.enter()

        async def visit(number: int) -> None:
            await gate.enter()
            order.append(number)
            gate.leave()

        visits = [asyncio.create_task(visit(number)) for number in range(5)]
        await settled()
        assert gate.waiting == 5
        gate.leave()
        await asyncio.gather(*visits)
        assert order == [0, 1, 2, 3, 4]
        assert (gate.waiting, gate.full) == (0, False)

    play(scenario)


def test_a_place_that_is_handed_on_cannot_be_overtaken() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        await gate.enter()
        first = asyncio.create_task(gate.enter())
        await settled()
        gate.leave()
        assert gate.full, "the place belongs to the one who waited"
        await first

    play(scenario)


def test_a_call_that_gives_up_waiting_leaves_no_gap() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        await gate.enter()
        first, second = (asyncio.create_task(gate.enter()) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        assert gate.waiting == 1
        gate.leave()
        await second

    play(scenario)


def test_a_place_given_to_a_call_that_gives_up_at_once_goes_to_the_next() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        await gate.enter()
        first, second = (asyncio.create_task(gate.enter()) for _ in range(2))
        await settled()
        gate.leave()
        first.cancel()
        await second
        gate.leave()
        assert not gate.full

    play(scenario)


def test_a_closed_gate_tells_those_who_wait_and_those_who_come() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await settled()
        gate.close("moving out")
        with pytest.raises(NotReady, match="moving out"):
            await waiting
        with pytest.raises(NotReady, match="moving out"):
            await gate.enter()

    play(scenario)


def test_whoever_is_in_may_leave_a_closed_gate() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        await gate.enter()
        gate.close("moving out")
        gate.leave()
        assert not gate.full

    play(scenario)


def test_a_gate_that_is_closed_on_a_call_that_gives_up_stays_sound() -> None:
    async def scenario() -> None:
        gate = Admission(1, 10)
        await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await settled()
        gate.close("moving out")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        gate.leave()
        assert not gate.full

    play(scenario)
