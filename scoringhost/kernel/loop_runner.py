"""An `async def run`, awaited on the event loop; many calls may be under way at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, TypeVar, cast

from scoringhost.kernel.admission import Admission
from scoringhost.kernel.call import never
from scoringhost.kernel.deadline import Deadline, exceeded, left_of
from scoringhost.kernel.runner import told_apart

T = TypeVar("T")


class LoopRunner:
    """Awaits `async def run` on the event loop; many calls may be under way at once."""

    def __init__(self, admission: Admission, limit_s: float | None) -> None:
        self._admission, self.limit_s = admission, limit_s

    async def turn(self, deadline: Deadline | None = None, abandoned: Callable[[], bool] = never) -> LoopTurn:
        """Wait for a place."""
        await self._admission.enter(deadline, abandoned)
        return LoopTurn(self._admission, self.limit_s, deadline)


class LoopTurn:
    """A turn on the event loop."""

    __slots__ = ("_admission", "_began_s", "_context", "_deadline", "_limit_s", "_spent_s", "_task")

    def __init__(self, admission: Admission, limit_s: float | None, deadline: Deadline | None = None) -> None:
        self._admission, self._limit_s, self._deadline = admission, limit_s, deadline
        self._began_s = time.perf_counter()
        self._context = copy_context()
        self._spent_s = 0.0
        self._task: asyncio.Task[Any] | None = None

    async def do(self, work: Callable[[], Awaitable[T]], size: int = 0) -> T:
        """Await the work; see `Turn.do`."""
        started_s = time.perf_counter()
        left_s, deadline = left_of(self._limit_s, self._spent_s, self._deadline)
        task = self._task = asyncio.get_running_loop().create_task(_outcome(work), context=self._context)
        try:
            await asyncio.wait({task}, timeout=left_s)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            task.cancel()
            raise exceeded(self._limit_s, deadline)
        self._spent_s += time.perf_counter() - started_s
        result, error = task.result()
        if error is None:
            return cast("T", result)
        self._task = None  # it knows the error, and the error this turn: see `thread_runner._outcome_of`
        try:
            raise told_apart(error)
        finally:
            del error, task

    async def step(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await a step; see `Turn.step`."""
        return await self.do(work)

    async def next(self, step: Callable[[], Awaitable[T]]) -> T:
        """Await the next item; see `Turn.next`."""
        return await self.do(step)

    def where(self) -> str:
        """Nothing: a task that waits has no stack worth showing."""
        return ""

    def end(self) -> None:
        """Give the place back, at once or when the task has ended."""
        if self._task is None or self._task.done():
            self._leave()
        else:
            self._task.add_done_callback(lambda _: self._leave())

    def _leave(self) -> None:
        self._admission.held.observe(time.perf_counter() - self._began_s)
        self._admission.leave()


async def _outcome(work: Callable[[], Awaitable[T]]) -> tuple[T | None, BaseException | None]:
    """The result or the exception: a SystemExit that left a task would end the whole event loop."""
    try:
        return await work(), None
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        return None, error
    except BaseException as error:
        return None, error


def _is_cancelled() -> bool:
    """Whether the current task is, and not something that the script awaits. (As a variable the task would be kept.)"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
