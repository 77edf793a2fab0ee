"""Streamed results: a generator of the script's, taken step by step in its call's turn."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, cast

from scoringhost.kernel.call import Around
from scoringhost.kernel.runner import Turn

END = object()
_NONE_AHEAD = object()


class Steps(Protocol):
    """The steps of one generator; `next` is handed to `Turn.next`, `close` to `Turn.step`."""

    def next(self) -> Any:
        """The next item, or END."""

    def close(self) -> Any:
        """Let the generator run its `finally` blocks."""


class ThreadSteps:
    """A plain iterable, taken on the scoring thread."""

    def __init__(self, source: object) -> None:
        self._source: Iterator[object] = iter(cast("Any", source))

    def next(self) -> Any:
        """The next item, or END."""
        return next(self._source, END)

    def close(self) -> Any:
        """Let the generator run its `finally` blocks."""
        close = getattr(self._source, "close", None)
        return close() if close is not None else None


class PrivateLoopSteps:
    """An async generator that a plain run() returned: driven on the scoring thread by a loop of its own.

    Its tasks share one context, a copy of the one that run() had: that one is entered already.
    """

    def __init__(self, source: object) -> None:
        self._items = cast("Any", source)
        self._loop: asyncio.AbstractEventLoop | None = None

    def next(self) -> Any:
        """The next item, or END."""
        if self._loop is None:
            self._loop, self._context = asyncio.new_event_loop(), contextvars.copy_context()
        item: Any = END
        try:
            item = self._loop.run_until_complete(self._loop.create_task(_step(self._items), context=self._context))
        finally:
            if item is END:
                self._loop.close()
        return item

    def close(self) -> Any:
        """Let the generator run its `finally` blocks."""
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.run_until_complete(self._loop.create_task(_close(self._items), context=self._context))
            finally:
                self._loop.close()


class LoopSteps:
    """The generator of an `async def run`, plain or async, taken on the event loop."""

    def __init__(self, source: object) -> None:
        self._is_async = hasattr(source, "__anext__")
        self._items = cast("Any", source) if self._is_async else iter(cast("Any", source))

    async def next(self) -> Any:
        """The next item, or END."""
        return await _step(self._items) if self._is_async else next(self._items, END)

    async def close(self) -> Any:
        """Let the generator run its `finally` blocks."""
        if self._is_async:
            await self._items.aclose()
        elif hasattr(self._items, "close"):
            self._items.close()


async def _step(items: Any) -> Any:
    try:
        return await items.__anext__()
    except StopAsyncIteration:
        return END


async def _close(items: Any) -> None:
    await items.aclose()


class StepsWithin:
    """The steps of a generator on the scoring thread, each in a context of the call's."""

    def __init__(self, steps: Steps, around: Around) -> None:
        self._steps, self._around = steps, around

    def next(self) -> Any:
        """The next item, or END."""
        with self._around():
            return self._steps.next()

    def close(self) -> Any:
        """Let the generator run its `finally` blocks."""
        with self._around():
            return self._steps.close()


class LoopStepsWithin(StepsWithin):
    """The same on the event loop."""

    async def next(self) -> Any:
        """The next item, or END."""
        with self._around():
            return await self._steps.next()

    async def close(self) -> Any:
        """Let the generator run its `finally` blocks."""
        with self._around():
            return await self._steps.close()


def steps_of(source: object, *, on_loop: bool, around: Around | None = None) -> Steps:
    """How to step through a generator: on the event loop, or on the scoring thread; each step in a context, if any."""
    if on_loop:
        steps: Steps = LoopSteps(source)
        return steps if around is None else LoopStepsWithin(steps, around)
    steps = PrivateLoopSteps(source) if hasattr(source, "__anext__") else ThreadSteps(source)
    return steps if around is None else StepsWithin(steps, around)


class Stream:
    """The items of one streamed result. `aclose` must be called, whether or not it was read to its end."""

    def __init__(
        self,
        turn: Turn,
        steps: Steps,
        take: Callable[[], Awaitable[Any]],
        first: object,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """`take` makes one step and translates what it raises; `first` is the step made already.

        `ended` is told once that no further step will be made.
        """
        self._turn, self._steps, self._take = turn, steps, take
        self._ahead = self.first = first
        self._closed = False
        self._ended = ended

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> object:
        item, self._ahead = self._ahead, _NONE_AHEAD
        if item is _NONE_AHEAD and not self._closed:
            item = await self._take()
        if self._closed or item is END:
            self._end()
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close the generator, if it is not at its end, and give the turn back."""
        if self._closed:
            return
        try:
            await self._turn.step(self._steps.close)
        except asyncio.CancelledError:
            raise
        except BaseException:
            return  # nobody is left to be told; a SystemExit must not end the event loop
        finally:
            self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._turn.end()
            self._ended()
