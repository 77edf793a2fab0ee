"""HelperThread: the host's own work that would hold up the event loop, done beside it.

Never the script's: that belongs to the scoring thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")

THREADS = 2
"""So that one huge body does not hold up all others; more would only wait for the interpreter lock."""


class HelperThread:
    """Started when first needed, anew after a fork; for one event loop."""

    def __init__(self) -> None:
        self._pid = 0

    async def do(self, work: Callable[[], T]) -> T:
        """Do some work in a copy of the caller's context variables; what it raises is raised here."""
        if self._pid != os.getpid():  # the threads of a parent are not in its child
            self._executor = ThreadPoolExecutor(THREADS, "scoringhost-helper")
            self._pid = os.getpid()
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(copy_context().run, work))
