"""Bridge: calls from the event loop of gRPC to the one that scores, and their answers back.

grpc.aio belongs to the event loop, and the thread, that it was started on. The one that scores moves between threads
and is held up by a run() on the spot (`doors/server/moving_loop.py`), while the health of the server is to be told. So
gRPC has a loop of its own. To wake the other loop costs a write and a change of threads: it is done once for all calls
that have come meanwhile, and so it is with answers.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.http.app import STOPPING, HttpApp
from scoringhost.http.messages import HttpResponse


class Crossing:
    """One piece of work on its way to the loop that scores: `over` is for whoever waits for it, on gRPC's loop.

    It does not hold the work once that is done, as a request knows its crossing: that would be a cycle.
    """

    __slots__ = ("error", "has_gone", "over", "result", "task", "work")

    def __init__(self, over: asyncio.Future[Any]) -> None:
        self.work: Callable[[], Any] | None = None
        self.over = over
        self.has_gone = False
        self.task: asyncio.Task[Any] | None = None
        self.result: Any = None
        self.error: BaseException | None = None

    def is_abandoned(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.has_gone


class Bridge:
    """Has work done on the event loop that scores. Made and asked on gRPC's; times of both are the same."""

    def __init__(self, app: HttpApp, scoring: asyncio.AbstractEventLoop) -> None:
        self.app, self._scoring = app, scoring
        self._here = asyncio.get_running_loop()
        self._leaving: deque[Crossing] = deque()
        self._returning: deque[Crossing] = deque()
        self._is_left_told = self._is_return_told = False
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- on gRPC's event loop ---------------------------------------------------------------------------

    async def answer(self, request: GrpcRequest) -> HttpResponse:
        """What the application answers. Its call is cancelled if this is."""
        crossing = Crossing(self._here.create_future())
        request.abandoned = crossing.is_abandoned
        crossing.work = partial(self._begin, request, crossing)
        response: HttpResponse = await self._send(crossing)
        return response

    async def do(self, work: Callable[[], Coroutine[Any, Any, Any]], context: contextvars.Context | None = None) -> Any:
        """What a coroutine has for a result, which is awaited where calls are scored; raises what it raises."""
        crossing = Crossing(self._here.create_future())
        crossing.work = partial(self._begin_task, work, context, crossing)
        return await self._send(crossing)

    def leave(self, work: Callable[[], Coroutine[Any, Any, Any]], context: contextvars.Context) -> None:
        """Have a coroutine awaited there, without waiting for it."""
        crossing = Crossing(self._here.create_future())
        crossing.over.add_done_callback(_heard)
        crossing.work = partial(self._begin_task, work, context, crossing)
        self._hand_over(crossing)

    def _hand_over(self, crossing: Crossing) -> None:
        self._leaving.append(crossing)
        if not self._is_left_told:
            self._is_left_told = True
            self._scoring.call_soon_threadsafe(self._take)

    async def _send(self, crossing: Crossing) -> Any:
        self._hand_over(crossing)
        try:
            return await crossing.over
        except asyncio.CancelledError:
            crossing.has_gone = True
            if crossing.task is not None:
                self._scoring.call_soon_threadsafe(crossing.task.cancel)
            raise

    def _take_back(self) -> None:
        """Hand over what has come back."""
        self._is_return_told = False
        while self._returning:
            crossing = self._returning.popleft()
            over = crossing.over
            if over.done():
                continue  # it was cancelled
            if crossing.error is not None:
                over.set_exception(crossing.error)
            else:
                over.set_result(crossing.result)
            crossing.result = None

    # -- on the event loop that scores ------------------------------------------------------------------

    def _take(self) -> None:
        """Begin what has come; in order."""
        self._is_left_told = False
        while self._leaving:
            crossing = self._leaving.popleft()
            work, crossing.work = crossing.work, None
            assert work is not None
            if crossing.has_gone:
                continue
            try:
                work()
            except Exception as error:
                crossing.error = error
                self._return(crossing)

    def _begin(self, request: GrpcRequest, crossing: Crossing) -> None:
        context = request.context = contextvars.Context()
        answer = context.run(self.app.begin, request)
        if isinstance(answer, HttpResponse):
            crossing.result = answer
            self._return(crossing)
        else:
            # In a copy: the context itself may be entered by the steps of a stream, on another thread.
            self._follow(self._scoring.create_task(answer, context=context.copy()), crossing)

    def _begin_task(
        self, work: Callable[[], Coroutine[Any, Any, Any]], context: contextvars.Context | None, crossing: Crossing
    ) -> None:
        self._follow(self._scoring.create_task(work(), context=context), crossing)

    def _follow(self, task: asyncio.Task[Any], crossing: Crossing) -> None:
        crossing.task = task
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, crossing))
        if crossing.has_gone:
            task.cancel()

    def _ended(self, crossing: Crossing, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        crossing.task = None
        crossing.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if crossing.error is None:
            crossing.result = task.result()
        self._return(crossing)

    def _return(self, crossing: Crossing) -> None:
        self._returning.append(crossing)
        if not self._is_return_told:
            self._is_return_told = True
            self._here.call_soon_threadsafe(self._take_back)

    @property
    def under_way(self) -> int:
        """How many calls are being answered and wait for something."""
        return len(self._tasks)

    def cancel(self) -> None:
        """Have every call that is under way answered with a 503; on the event loop that scores."""
        for task in list(self._tasks):
            task.cancel(STOPPING)


def _heard(over: asyncio.Future[Any]) -> None:
    """Nobody waits for it: asyncio must not complain of an exception that is never asked for."""
    if not over.cancelled():
        over.exception()
