"""Stream: taken step by step, closed whatever happens, its turn given back once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from scoringhost.kernel.streaming import (
    END,
    LoopSteps,
    PrivateLoopSteps,
    Steps,
    Stream,
    ThreadSteps,
    steps_of,
)


class OneTurn:
    """A turn that does all work at once and counts how often it is given back."""

    def __init__(self) -> None:
        self.given_back = 0

    async def do(self, work: Callable[[], Any], size: int = 0) -> Any:
        outcome = work()
        return await outcome if hasattr(outcome, "__await__") else outcome

    async def step(self, work: Callable[[], Any]) -> Any:
        return await self.do(work)

    async def next(self, step: Callable[[], Any]) -> Any:
        return await self.do(step)

    def where(self) -> str:
        return ""

    def end(self) -> None:
        self.given_back += 1


class Source:
    """Makes generators over some items and remembers whether they have cleaned up."""

    def __init__(self, *items: object) -> None:
        self.items, self.closed = items, 0

    def plain(self) -> Iterator[object]:
        try:
            for item in self.items:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.closed += 1

    async def on_loop(self) -> AsyncIterator[object]:
        try:
            for item in self.items:
                await asyncio.sleep(0)
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            await asyncio.sleep(0)
            self.closed += 1


def plain(source: Source) -> Steps:
    return steps_of(source.plain(), on_loop=False)


def plain_on_loop(source: Source) -> Steps:
    return steps_of(source.plain(), on_loop=True)


def async_on_loop(source: Source) -> Steps:
    return steps_of(source.on_loop(), on_loop=True)


KINDS = [plain, plain_on_loop, async_on_loop]
kinds = pytest.mark.parametrize("kind", KINDS)


async def opened(turn: OneTurn, steps: Steps) -> Stream:
    async def take() -> Any:
        return await turn.do(steps.next)

    return Stream(turn, steps, take, await take())


def play(kind: Callable[[Source], Steps], source: Source, scenario: Callable[[Stream], Awaitable[Any]]) -> Any:
    """Play a scenario over a stream; the stream is closed and its turn checked."""
    turn = OneTurn()

    async def whole() -> Any:
        stream = await opened(turn, kind(source))
        try:
            return await scenario(stream)
        finally:
            await stream.aclose()
            await stream.aclose()

    try:
        return asyncio.run(asyncio.wait_for(whole(), 10))
    finally:
        assert turn.given_back == 1


async def everything(stream: Stream) -> list[object]:
    return [item async for item in stream]


async def nothing(stream: Stream) -> None: ...


def test_how_to_step_follows_from_the_generator_and_from_where_run_is() -> None:
    source = Source()
    generator, items = source.on_loop(), source.plain()
    assert isinstance(steps_of(items, on_loop=False), ThreadSteps)
    assert isinstance(steps_of(items, on_loop=True), LoopSteps)
    assert isinstance(steps_of(generator, on_loop=True), LoopSteps)
    assert isinstance(steps_of(generator, on_loop=False), PrivateLoopSteps)


@kinds
def test_every_item_comes_in_its_order(kind: Callable[[Source], Steps]) -> None:
    assert play(kind, Source(1, "b", [3]), everything) == [1, "b", [3]]


@kinds
def test_none_is_an_item_like_any_other(kind: Callable[[Source], Steps]) -> None:
    assert play(kind, Source(None, None), everything) == [None, None]


@kinds
def test_a_generator_may_have_no_items(kind: Callable[[Source], Steps]) -> None:
    assert play(kind, Source(), everything) == []


def test_the_first_item_can_be_looked_at_before() -> None:
    async def scenario(stream: Stream) -> tuple[object, list[object]]:
        return stream.first, await everything(stream)

    assert play(plain, Source("a", "b"), scenario) == ("a", ["a", "b"])


@kinds
def test_the_generator_cleans_up_if_the_caller_goes_before_the_first_item(kind: Callable[[Source], Steps]) -> None:
    source = Source(1, 2, 3)
    play(kind, source, nothing)
    assert source.closed == 1


@kinds
def test_the_generator_cleans_up_if_the_caller_goes_in_the_middle(kind: Callable[[Source], Steps]) -> None:
    source = Source(1, 2, 3)
    play(kind, source, lambda stream: anext(stream))
    assert source.closed == 1


@kinds
def test_the_generator_has_cleaned_up_at_its_end(kind: Callable[[Source], Steps]) -> None:
    source = Source(1, 2, 3)
    play(kind, source, everything)
    assert source.closed == 1


@kinds
def test_what_the_generator_raises_comes_after_the_items_before(kind: Callable[[Source], Steps]) -> None:
    seen: list[object] = []

    async def scenario(stream: Stream) -> None:
        async for item in stream:
            seen.append(item)

    source = Source(1, ValueError("broken"), 2)
    with pytest.raises(ValueError, match="broken"):
        play(kind, source, scenario)
    assert (seen, source.closed) == ([1], 1)


@kinds
def test_a_closed_stream_has_no_more_items(kind: Callable[[Source], Steps]) -> None:
    async def scenario(stream: Stream) -> list[object]:
        await stream.aclose()
        return await everything(stream)

    assert play(kind, Source(1, 2), scenario) == []


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("y")])
def test_what_cleaning_up_raises_is_of_no_interest_to_the_caller(error: Exception) -> None:
    def items() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            raise error

    play(lambda _: steps_of(items(), on_loop=False), Source(), nothing)


def test_an_exit_while_cleaning_up_does_not_end_the_event_loop() -> None:
    # A SystemExit that leaves a task ends the event loop, and with it the worker.
    def items() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            raise SystemExit(3)

    play(lambda _: steps_of(items(), on_loop=False), Source(), nothing)


def test_an_iterator_without_close_needs_none() -> None:
    assert play(lambda _: steps_of(iter([1, 2]), on_loop=False), Source(), everything) == [1, 2]
    assert play(lambda _: steps_of(iter([1, 2]), on_loop=False), Source(), nothing) is None
    assert play(lambda _: steps_of(iter([1, 2]), on_loop=True), Source(), nothing) is None


# -- an async generator of a plain run() ----------------------------------------------------------


def test_an_async_generator_can_be_stepped_without_an_event_loop_around() -> None:
    source = Source(1, None)
    steps = PrivateLoopSteps(source.on_loop())
    assert [steps.next(), steps.next(), steps.next()] == [1, None, END]
    steps.close()
    assert source.closed == 1


def test_an_async_generator_cleans_up_in_the_middle() -> None:
    source = Source(1, 2)
    steps = PrivateLoopSteps(source.on_loop())
    assert steps.next() == 1
    steps.close()
    assert source.closed == 1


def test_closing_before_the_first_step_does_no_harm() -> None:
    generator = Source(1).on_loop()
    PrivateLoopSteps(generator).close()


def test_the_private_event_loop_is_closed_at_the_end_of_the_stream(in_thread: Callable[..., Any]) -> None:
    class Remote(OneTurn):
        async def do(self, work: Callable[[], Any], size: int = 0) -> Any:
            return await asyncio.to_thread(work)

    turn, steps = Remote(), PrivateLoopSteps(Source(1).on_loop())

    async def whole() -> list[object]:
        stream = await opened(turn, steps)
        try:
            return await everything(stream)
        finally:
            await stream.aclose()

    assert asyncio.run(whole()) == [1]
    loop = steps._loop
    assert loop is not None
    left_open = not loop.is_closed()
    loop.close()
    assert not left_open
