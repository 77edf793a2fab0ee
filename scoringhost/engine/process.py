"""An engine behind a synchronous face, for callers that block: WSGI servers, tests, batch scoring.

Threads: the callers' own, which may be many; one that runs the event loop; the engine's scoring
threads. A caller hands the event loop a coroutine and waits for its result.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from scoringhost.engine.engine import Engine
from scoringhost.engine.last_job import HURRY_S
from scoringhost.errors import NotReady
from scoringhost.process.last_words import AtProcessEnd

T = TypeVar("T")

PATIENCE_S = 5.0
"""Seconds that the end waits for a run() that goes on, and for what was left to the event loop."""

CLOSED = "The service is closed"


class Process:
    """One engine with an event loop on a thread of its own; both are started anew after a fork.

    The engine must have been loaded. Once closed it stays closed.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.RLock()  # reentrant: a signal's handler may close
        self._pid = 0
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        # Reentrant, and never held while waiting: the garbage collector may call `leave` on any thread.
        self._leaving = threading.RLock()
        self._left: set[concurrent.futures.Future[object]] = set()
        self._takes = False
        self._at_process_end = AtProcessEnd(self.close)

    def init(self) -> None:
        """Run init() on the scoring thread of this process.

        Raises:
            InitFailed: if it raises.
        """
        self.engine.start_threads()
        try:
            self.engine.threads[0].ask(self.engine.init)
        except BaseException:
            self._close_door()
            self.engine.close_threads()
            raise
        self._start_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the event loop of this process and answer its result.

        Raises:
            NotReady: if the process has been closed, meanwhile or before; an unbegun coroutine is closed.
        """
        with self._lock:
            if self._closed:
                work.close()
                raise NotReady(CLOSED)
            if self._pid != os.getpid():  # a fork has copied neither the scoring threads nor that of the loop
                self.engine.start_threads()
                self._start_loop()
            assert self._loop is not None
            running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result()
        except concurrent.futures.CancelledError:
            if self._closed:
                raise NotReady(CLOSED) from None
            raise

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

    def _start_loop(self) -> None:
        loop = asyncio.new_event_loop()
        self._runner = threading.Thread(target=loop.run_forever, name="scoringhost-loop", daemon=True)
        self._runner.start()
        self._loop, self._pid = loop, os.getpid()
        asyncio.run_coroutine_threadsafe(self._open(), loop).result()
        self._left, self._takes = set(), True
        self._at_process_end.register()

    async def _open(self) -> None:
        self.engine.open()

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Run shutdown() on the scoring thread and end the threads; a second time does nothing.

        A run() that goes on gets `patience_s` seconds to end, and is left behind then: shutdown() is not
        run. What was left to the event loop gets as long, and is cancelled then.
        """
        if not self._close_door() or self._pid != os.getpid():
            return
        until_s = time.monotonic() + patience_s
        self.engine.drain()
        self._finish(patience_s)
        self.engine.shutdown(until_s)
        self._end(patience_s)
        self.engine.at_end.close()

    def _close_door(self) -> bool:
        """Take nothing any more; False if it has been so before."""
        self._at_process_end.cancel()
        with self._lock:
            was_closed, self._closed = self._closed, True
        return not was_closed

    def _finish(self, patience_s: float) -> None:
        with self._leaving:
            self._takes = False
            left = set(self._left)
        concurrent.futures.wait(left, patience_s)

    async def _cancel(self, patience_s: float) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)

    def _end(self, patience_s: float) -> None:
        """End the threads. An event loop that does not listen, since an async run() blocks it, is left behind."""
        loop = self._loop
        assert loop is not None
        self._takes = False
        patience_s = max(patience_s, HURRY_S)
        cancelling = asyncio.run_coroutine_threadsafe(self._cancel(patience_s), loop)
        cancelling.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
        self._runner.join(patience_s + HURRY_S)
        self.engine.close_threads()
        if not self._runner.is_alive():
            loop.close()
