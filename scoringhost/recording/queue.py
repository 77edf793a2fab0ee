"""A bounded queue, and the thread that empties it: whoever puts something there never waits, and never fails."""

from __future__ import annotations

import logging
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from scoringhost.process.at_fork import in_child
from scoringhost.recording.records import Collected, Exchange
from scoringhost.telemetry.logs import HOST_LOGGER

Item = Exchange | Collected

QUEUE_BYTES = 64 * 1024 * 1024
"""Bytes that wait to be written in one process, at most; what comes then is lost, and counted."""
QUEUE_ITEMS = 20_000

LAG_S = 0.1
"""Seconds that an item may wait for others: the thread is woken once for all of them, and not for each request."""

SAY_EVERY_S = 60.0
"""Seconds between two lines of the log about what was lost."""

CLOSE_S = 3.0
"""Seconds that the end of a service waits for what is queued."""

_log = logging.getLogger(HOST_LOGGER)


class Keeper(Protocol):
    """Writes items. All of it is called on the queue's thread, but for `forget`."""

    def keep(self, items: list[Item], losses: Losses) -> None:
        """Write them, and say what could not be written."""

    def tidy(self, losses: Losses) -> float | None:
        """Do what is due by now; returns in how many seconds it is to be called again, None for not at all."""

    def finish(self, losses: Losses) -> None:
        """Nothing more comes for now: write what is held back."""

    def forget(self) -> None:
        """This process is a fork: what is held back and open is the parent's."""


class Losses:
    """Counts what was kept and what was lost, and says the latter in the log, now and then."""

    def __init__(self, what: str, counted: Callable[[int, int], None] | None = None) -> None:
        """what: "collected requests", for the log. counted: told of every (kept, lost)."""
        self._what, self._counted = what, counted
        self.kept_count = self.lost_count = 0
        self._unsaid, self._said_s = 0, float("-inf")

    def kept(self, count: int) -> None:
        """So many were written."""
        self.kept_count += count
        if self._counted is not None:
            self._counted(count, 0)
        if self._unsaid == 0 and self._said_s > float("-inf") and count:
            _log.info("%s are kept again", self._what)
            self._said_s = float("-inf")

    def lost(self, count: int, why: str) -> None:
        """So many were not."""
        self.lost_count += count
        self._unsaid += count
        if self._counted is not None:
            self._counted(0, count)
        if time.monotonic() - self._said_s >= SAY_EVERY_S:
            self._say(why)

    def troubled(self, why: str) -> None:
        """Something could not be written, and is tried again."""
        if time.monotonic() - self._said_s >= SAY_EVERY_S:
            _log.warning("the %s wait, since they cannot be written: %s", self._what, why)
            self._said_s = time.monotonic()

    def settle(self, *, is_last: bool) -> None:
        """Say what has not been said yet, if that is some time ago, or if there is no other time."""
        if self._unsaid and (is_last or time.monotonic() - self._said_s >= SAY_EVERY_S):
            self._say("")

    def _say(self, why: str) -> None:
        _log.warning("%d of the %s are lost%s", self._unsaid, self._what, f": {why}" if why else "")
        self._unsaid, self._said_s = 0, time.monotonic()


class Queue:
    """Items on their way to a keeper. Safe to use from all threads, and after a fork."""

    def __init__(self, keeper: Keeper, losses: Losses, name: str) -> None:
        """name: of the thread, which is started for the first item."""
        self._keeper, self.losses, self._name = keeper, losses, name
        self._restart()
        _look_after(self)

    def _restart(self) -> None:
        self._changed = threading.Condition()
        self._items: list[Item] = []
        self._bytes = self._refused = 0
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def put(self, item: Item) -> None:
        """Have an item written soon. Never waits for the writing, never raises."""
        size = item.size
        with self._changed:
            # One alone is taken however large it is: most of it may be cut off when it is written.
            if self._bytes and (self._bytes + size > QUEUE_BYTES or len(self._items) >= QUEUE_ITEMS):
                self._refused += 1
                return
            self._items.append(item)
            self._bytes += size
            if len(self._items) > 1:
                return  # the thread knows already
            if self._thread is None:
                self._start()
            self._changed.notify_all()

    def close(self, within_s: float = CLOSE_S) -> None:
        """Write what is queued and what is held back; gives up after so many seconds. It may be used again."""
        with self._changed:
            thread = self._thread
            self._is_closing = True
            self._changed.notify_all()
        if thread is not None:
            thread.join(within_s)

    def _start(self) -> None:
        self._is_closing = False
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        with suppress(RuntimeError):  # the interpreter is ending, or there is no room for a thread
            thread.start()
            self._thread = thread

    # -- on the thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        due_s: float | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_closing, due_s)
                # More are about to come; the lock is free meanwhile.
                self._changed.wait_for(lambda: self._is_closing, LAG_S if self._items else 0)
                items, self._items = self._items, []
                size, refused = self._bytes, self._refused
                self._refused = 0
                is_last = self._is_closing
            due_s = self._keep(items, refused, is_last)
            with self._changed:
                self._bytes -= size
                del items
                if is_last and not self._items:
                    self._thread = None
                    return

    def _keep(self, items: list[Item], refused: int, is_last: bool) -> float | None:
        """Never raises: a defect must not end the thread, since a full queue would be its only sign."""
        if refused:
            self.losses.lost(refused, "they come faster than they can be written")
        try:
            if items:
                self._keeper.keep(items, self.losses)
            if is_last:
                self._keeper.finish(self.losses)
            due_s = self._keeper.tidy(self.losses)
        except Exception:
            self.losses.lost(len(items), f"scoringhost itself failed; please report it\n{traceback.format_exc()}")
            due_s = 1.0
        self.losses.settle(is_last=is_last)
        return due_s

    def _after_fork(self) -> None:
        self._restart()
        self._keeper.forget()


_queues: weakref.WeakSet[Queue] = weakref.WeakSet()
_is_known_to_forks = False


def _look_after(queue: Queue) -> None:
    global _is_known_to_forks
    _queues.add(queue)
    if not _is_known_to_forks:
        _is_known_to_forks = True
        in_child(_restart_all)


def _restart_all() -> None:
    for queue in list(_queues):
        queue._after_fork()
