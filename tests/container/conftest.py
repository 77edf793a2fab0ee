"""The image of the project and of packed scripts, run by a real container engine.

Not part of `pytest`: these tests need an engine, whose command is named by SCORINGHOST_CONTAINER_ENGINE
("docker", or "docker -H unix:///..."), and the base image of the Dockerfile. `.ci/containers` makes
both: `.ci/containers pytest tests/container tests/conformance -k container`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Reply

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def later() -> Callable[[Callable[[], Reply]], Callable[[], Reply]]:
    """later(send): send a request without waiting; what it answers waits for the reply."""

    def later(send: Callable[[], Reply]) -> Callable[[], Reply]:
        replies: list[Any] = []
        thread = threading.Thread(target=lambda: replies.append(send()), daemon=True)
        thread.start()

        def reply() -> Reply:
            thread.join(30)
            assert replies, "no reply"
            return replies[0]

        return reply

    return later


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], bool], str], None]:
    """eventually(condition, what): wait until it holds."""

    def eventually(condition: Callable[[], bool], what: str) -> None:
        deadline_s, pause = time.monotonic() + 30, threading.Event()
        while not condition():
            assert time.monotonic() < deadline_s, f"waited in vain for {what}"
            pause.wait(0.1)

    return eventually
