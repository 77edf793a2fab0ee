"""UnderWay: how many requests a door has not answered yet."""

from __future__ import annotations

import asyncio
import time

import pytest

from scoringhost.engine.under_way import UnderWay


def test_with_nothing_under_way_it_has_ended_at_once() -> None:
    assert asyncio.run(UnderWay().ended(time.monotonic() - 1))


def test_it_waits_for_the_last_request() -> None:
    under_way = UnderWay()

    async def request(over: asyncio.Event) -> None:
        with under_way:
            await over.wait()

    async def live() -> tuple[int, bool, bool]:
        over = asyncio.Event()
        requests = [asyncio.create_task(request(over)) for _ in range(2)]
        await asyncio.sleep(0)
        count, late = under_way.count, await under_way.ended(time.monotonic())
        over.set()
        ended = await under_way.ended(time.monotonic() + 60)
        await asyncio.gather(*requests)
        return count, late, ended

    assert asyncio.run(live()) == (2, False, True)


def test_a_request_that_fails_has_ended() -> None:
    under_way = UnderWay()
    with pytest.raises(ValueError), under_way:
        raise ValueError
    assert under_way.count == 0
