"""Running a coroutine without a task for as long as it does not wait."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


def step(context: Context, coroutine: Coroutine[Any, Any, T]) -> tuple[T | None, Any]:
    """Run a fresh coroutine up to its end or its first wait: (result, None) or (None, what it waits for).

    Raises:
        Whatever the coroutine raises.
    """
    try:
        return None, context.run(coroutine.send, None)
    except StopIteration as end:
        return end.value, None


@types.coroutine
def finish(coroutine: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """Await the rest of a coroutine that `step` has left waiting; to be awaited in its context."""
    while True:
        thrown: BaseException | None = None
        value = None
        try:
            value = yield waiting
        except BaseException as error:
            thrown = error
        try:
            waiting = coroutine.throw(thrown) if thrown is not None else coroutine.send(value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
