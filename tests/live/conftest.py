"""What the live tests share."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

SCRIPTS = Path(__file__).parent / "scripts"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """The inner loop leaves every test here out, and need not even import it."""
    return True if config.option.markexpr == "not slow" else None


class Later:
    """A request under way on a thread of its own."""

    def __init__(self, send: Callable[[], Reply]) -> None:
        self._send = send
        self._reply: Any = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._reply = self._send()
        except Exception as problem:
            self._reply = problem

    def is_under_way(self) -> bool:
        """Whether the reply has not come yet."""
        return self._thread.is_alive()

    def reply(self, within_s: float = 30.0) -> Reply:
        """Its reply."""
        self._thread.join(within_s)
        assert not self._thread.is_alive(), f"no reply within {within_s} s"
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply


@pytest.fixture
def later() -> type[Later]:
    """later(send): send a request without waiting for its reply."""
    return Later


@pytest.fixture
def life(start: Callable[..., Served]) -> Iterator[Callable[..., Served]]:
    """life(*flags, **environ): scripts/life.py, ready for requests, and gone after the test."""
    with contextlib.ExitStack() as stack:

        def life(*flags: str, workers: int = 1, **environ: str) -> Served:
            served = start(SCRIPTS / "life.py", *flags, **environ)
            stack.callback(served.kill)
            return served.wait_ready(workers)

        yield life
