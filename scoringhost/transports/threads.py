"""The event loop and the scoring threads of a process whose own threads are somebody else's."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.protocols.site import Site

T = TypeVar("T")

PATIENCE_S = 5.0
"""Seconds that the end waits for what was left to the event loop."""


class Process:
    """The threads of one process behind a synchronous door: started when first needed, anew after a fork."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._pid = 0
        self._threads: list[ScoringThread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        # Reentrant, and never held while waiting: the garbage collector may call `leave` on any thread.
        self._leaving = threading.RLock()
        self._left: set[concurrent.futures.Future[object]] = set()
        self._takes = False

    def init(self) -> None:
        """Run init() on the scoring thread of this process.

        Raises:
            InitFailed: if it raises.
        """
        self._start()
        try:
            self._threads[0].ask(self._site.init)
        except BaseException:
            self._end()
            raise
        atexit.register(self.close)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the event loop of this process and answer its result."""
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._start()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def leave(self, work: Coroutine[Any, Any, object]) -> None:
        """Let a coroutine run on the event loop, without waiting for it; it is closed unrun if there is none."""
        with self._leaving:
            if self._takes and self._pid == os.getpid():
                assert self._loop is not None
                left = asyncio.run_coroutine_threadsafe(work, self._loop)
                self._left.add(left)
                left.add_done_callback(self._left.discard)
            else:
                work.close()

    def _start(self) -> None:
        self._threads = [ScoringThread(f"scoring-{number}") for number in range(self._site.threads)]
        for thread in self._threads:
            thread.start()
        loop = asyncio.new_event_loop()
        self._runner = threading.Thread(target=loop.run_forever, name="scoringhost-loop", daemon=True)
        self._runner.start()
        self._loop, self._pid = loop, os.getpid()
        asyncio.run_coroutine_threadsafe(self._open(), loop).result()
        self._left, self._takes = set(), True

    async def _open(self) -> None:
        self._site.open(self._threads, self._stuck)

    def _stuck(self) -> None:
        """Nothing can be replaced here: whoever waits is told, until the run() ends by itself."""

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Run shutdown() on the scoring thread and end the threads.

        What was left to the event loop gets `patience_s` seconds to end, and is cancelled then.
        """
        if self._pid != os.getpid() or self._loop is None:
            return
        self._site.drain()
        self._finish(patience_s)
        self._threads[0].ask(self._site.shutdown)
        self._end()
        atexit.unregister(self.close)

    def _finish(self, patience_s: float) -> None:
        with self._leaving:
            self._takes = False
            left = set(self._left)
        concurrent.futures.wait(left, patience_s)

    async def _cancel(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_S)

    def _end(self) -> None:
        assert self._loop is not None
        self._takes = False
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result()
        for thread in self._threads:
            thread.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._runner.join()
        self._loop.close()
        self._pid = 0
