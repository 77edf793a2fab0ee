"""Announcement: one thread says once that something is over; coroutines of any event loop wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial


class Announcement:
    """What `asyncio.Event` is for one event loop, for any number of them and of threads."""

    def __init__(self) -> None:
        self._made = threading.Event()
        self._waiting: list[Callable[[], object]] = []

    @property
    def is_made(self) -> bool:
        """Whether it has been made."""
        return self._made.is_set()

    @property
    def waiting(self) -> int:
        """How many coroutines wait for it."""
        return len(self._waiting)

    def make(self) -> None:
        """Wake whoever waits; from any thread."""
        self._made.set()
        while self._waiting:
            with suppress(RuntimeError):  # that event loop is closed: nobody waits any more
                self._waiting.pop()()

    async def heard(self, within_s: float | None = None) -> bool:
        """Wait for it, for as many seconds at most; returns whether it came within the time."""
        if self._made.is_set():
            return True
        news = asyncio.Event()
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, news.set)
        self._waiting.append(tell)
        try:
            # Looked at again: `make` may have gone through the list before `tell` was in it.
            if not self._made.is_set():
                await asyncio.wait_for(news.wait(), within_s)
        except TimeoutError:
            return False
        finally:
            with suppress(ValueError):  # it has been told
                self._waiting.remove(tell)
        return True
