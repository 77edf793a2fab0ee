"""gunicorn's master: which workers there are."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from scoringhost.telemetry.logs import HOST_LOGGER
from scoringhost.transports.watching import Watch

LOOK_S = 0.25
"""Seconds between two looks at the files."""

MOST_NAMED = 3
"""Files that a line of the log names."""

log = logging.getLogger(HOST_LOGGER)


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which starts all workers at once instead of in random steps.

    When one worker cannot start, the others usually cannot either; gunicorn's own stop is thrown
    off its course by the second one.
    """

    _stopping = False

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers."""
        self._stopping = True
        super().stop(graceful)

    def reap_workers(self) -> None:
        """Take note of workers that have ended."""
        try:
            super().reap_workers()
        except HaltServer:
            if not self._stopping:
                raise

    def spawn_workers(self) -> None:
        """Start the workers that are missing."""
        for _ in range(self.num_workers - len(self.WORKERS)):
            self.spawn_worker()


class ReloadingMaster(Master):
    """A master that starts new workers when files change, and ends the old ones when those are ready.

    A change that cannot be served is said in the log, and the workers before it go on. If there are
    none, as at the first start, the master waits for the next change.
    """

    def __init__(self, app: Any, watch: Watch) -> None:
        self._watch = watch
        self._newest_old = 0
        self._broken = False
        super().__init__(app)

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait for signals, but not long: files are looked at in between."""
        return super().wait_for_signals(min(timeout, LOOK_S))

    def reap_workers(self) -> None:
        """Take note of workers that have ended; one that could not start does not end the server."""
        while True:
            try:
                Arbiter.reap_workers(self)
                return
            except HaltServer:
                if self._stopping or self._broken:
                    continue
                self._broken = True
                going_on = "the version before it goes on" if self.WORKERS else "waiting for the next change"
                log.error("this version cannot be served; %s", going_on)

    def manage_workers(self) -> None:
        """Start workers of a new version, and end those of the old one, but not before the others are ready."""
        changed = self._watch.changed()
        if changed:
            self._replace(changed)
            return
        new = [worker for worker in self.WORKERS.values() if worker.age > self._newest_old]
        if self._broken or any(not worker.is_ready for worker in new):
            return
        super().manage_workers()

    def _replace(self, changed: list[str]) -> None:
        names = [os.path.relpath(path) for path in changed[:MOST_NAMED]]
        more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
        log.info("changed: %s%s; loading", ", ".join(names), more)
        for pid, worker in list(self.WORKERS.items()):
            if not worker.is_ready:
                self.kill_worker(pid, signal.SIGTERM)  # it loads what has changed again
        self._newest_old, self._broken = self.worker_age, False
        for _ in range(self.num_workers):
            self.spawn_worker()
