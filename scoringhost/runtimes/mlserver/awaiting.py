"""Whether an `async def` ever waits: one that does not is as plain as a `def`, and needs no event loop."""

from __future__ import annotations

import asyncio
import contextlib
import dis
import inspect
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

INNER = "__scoringhost_inner__"
"""The attribute of a wrapper of ours that waits for nothing but the function that is named there."""


def may_wait(function: Any) -> bool:
    """Whether a call of a function may have to wait for something; of decorated ones every layer counts."""
    layer = getattr(function, "__func__", function)
    while layer is not None:
        inner = getattr(layer, INNER, None)
        if inner is not None:
            layer = inner
            continue
        if inspect.isasyncgenfunction(layer) or (inspect.iscoroutinefunction(layer) and _awaits(layer)):
            return True
        layer = getattr(layer, "__wrapped__", None)
    return False


def _awaits(function: Any) -> bool:
    """Whether there is an `await`, an `async for` or an `async with` in it: each compiles to SEND."""
    code = getattr(function, "__code__", None)
    return code is None or any(one.opname == "SEND" for one in dis.get_instructions(code))


def finished(result: Any) -> Any:
    """What a coroutine that never waits returns; anything else is the result itself.

    Raises:
        RuntimeError: if it waits after all.
    """
    if not inspect.iscoroutine(result):
        return result
    try:
        result.send(None)
    except StopIteration as end:
        return end.value
    result.close()
    raise RuntimeError("an async method was taken for one that never waits, and waits; please report it")


class ModelLoop:
    """The event loop of one model, on a thread of its own: all that its methods wait for belongs to this one loop.

    The worker's own loop may move between threads, and a method that computes would hold it up. After a fork, which
    copies no threads, there is a new one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs from now on."""
        if self._loop is not None and self._process == os.getpid():
            return self._loop
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._run, args=[self._loop], name=f"model-{self._name}", daemon=True).start()
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def do(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run a coroutine there to its end; the thread that asks waits."""
        return asyncio.run_coroutine_threadsafe(make(), self.loop()).result()

    async def awaited(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Await a coroutine there. Who gives up waiting cancels it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(make(), self.loop()))

    def close(self) -> None:
        """End the loop and its thread."""
        loop, self._loop = self._loop, None
        if loop is not None and self._process == os.getpid():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)
