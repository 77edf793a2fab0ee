"""An `async def run` is awaited, and calls of it are under way together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]


def test_an_async_run_is_awaited(serve: Serve) -> None:
    assert serve("async_acts.py").post("answer").json() == {"answer": 42}


def test_two_calls_of_an_async_run_are_under_way_at_once(serve: Serve) -> None:
    client = serve("async_acts.py", scoring_timeout_ms=20_000)
    answers: list[object] = []
    callers = [threading.Thread(target=lambda: answers.append(client.post("meet").json())) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == ["met", "met"]
