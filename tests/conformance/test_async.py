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


# BUG: while the event loop of the server is on the scoring thread, a plain run() can't have one of its own:
# RuntimeError, asyncio.run() cannot be called from a running event loop.
def test_a_plain_run_may_use_an_event_loop_of_its_own(serve: Serve) -> None:
    client = serve("acts.py")
    for _ in range(200):
        assert client.post("number").status == 200  # short calls bring the loop there
    assert [client.post("wait in a loop of its own").json() for _ in range(3)] == ["waited"] * 3
