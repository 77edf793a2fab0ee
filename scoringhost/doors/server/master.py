"""gunicorn's master: which workers there are."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from scoringhost.doors.server.listening import refuse_new
from scoringhost.doors.server.watching import Watch
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from scoringhost.doors.server.worker import ScoringWorker

START_FAILED = 3
"""Exit code of a worker that cannot start, and of a master that has none."""

MOST_TRIES = 4
"""Starts without a ready worker after which the service ends."""

LONGEST_DELAY_S = 30.0
"""Seconds between two starts, at most; the first is tried again after one, and each delay is twice the one before."""

DIED = (
    "a worker has ended in init(), or in importing the script, without an exception; the system may have killed it "
    "for want of memory. Each of %d worker(s) loads a model of its own: fewer --workers, --preload or more memory help"
)

LOOK_S = 0.25
"""Seconds between two looks at the files."""

MOST_NAMED = 3
"""Files that a line of the log names."""

log = logging.getLogger(HOST_LOGGER)


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, with three differences.

    It starts all workers at once instead of in random steps. It lets no new connections in before it
    closes the listening sockets (`listening.refuse_new`). And it tells the first start from later
    ones: a worker that cannot start ends the service only while nobody has ever served; later ones
    are tried again, less and less often.
    """

    # gunicorn takes a worker's exit code of 3 or 4, whenever it comes, as a reason to end the whole
    # service. No exit code is equal to these, but a worker that ends with one has 3 or 4 all the same.
    WORKER_BOOT_ERROR = 256 + START_FAILED
    APP_LOAD_ERROR = 256 + 4

    _stopping = False
    _has_served = False
    _failures = 0
    _last_tried = 0
    _not_before_s = 0.0

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers."""
        self._stopping = True
        if self._owns_listeners():
            for listener in self.LISTENERS:
                refuse_new(listener.sock)
            for worker in self.WORKERS.values():
                worker.link.tell_service_ends()
        else:
            for worker in self.WORKERS.values():
                worker.link.tell_replaced()
        super().stop(graceful)

    def _owns_listeners(self) -> bool:
        """Whether nobody else goes on listening on the same sockets: systemd, a parent, an old or a new master."""
        handed_over = self.systemd or any(isinstance(place, int) for place in self.cfg.address)
        return self.reexec_pid == self.master_pid == 0 and not handed_over

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a signal to a worker."""
        if sig == signal.SIGTERM and not self._stopping and pid in self.WORKERS:
            self.WORKERS[pid].link.tell_replaced()
        super().kill_worker(pid, sig)

    def reap_workers(self) -> None:
        """Take note of workers that have ended."""
        before = dict(self.WORKERS)
        super().reap_workers()
        ended = [worker for pid, worker in before.items() if pid not in self.WORKERS]
        self._has_served = self._has_served or any(worker.link.is_ready for worker in ended)
        for worker in ended:
            if not (worker.link.is_ready or worker.link.is_replaced or self._stopping):
                self._start_failed(worker)

    def _start_failed(self, worker: ScoringWorker) -> None:
        """A worker has ended before it was ready.

        Raises:
            HaltServer: if the service cannot be started.
        """
        self._look_who_serves()
        if not self._has_served and worker.link.has_said_why:
            raise HaltServer("the service cannot be started", START_FAILED)
        if worker.age <= self._last_tried:
            return  # it was started together with one that has failed already
        self._last_tried = self.worker_age
        self._failures += 1
        if not worker.link.has_said_why:
            log.error(DIED, self.num_workers)
        if not self._has_served and self._failures >= MOST_TRIES:
            raise HaltServer(f"no worker was ready in {self._failures} tries", START_FAILED)
        delay_s = min(2.0 ** (self._failures - 1), LONGEST_DELAY_S)
        self._not_before_s = time.monotonic() + delay_s
        log.warning("a worker could not be started; the next try is in %.0f s", delay_s)

    def _look_who_serves(self) -> None:
        ready = [worker for worker in self.WORKERS.values() if worker.link.is_ready]
        if ready:
            self._has_served = True
        if len(ready) >= self.num_workers:
            self._failures = 0

    def manage_workers(self) -> None:
        """Start workers that are missing, end those that are too many."""
        self._look_who_serves()
        super().manage_workers()

    def spawn_workers(self) -> None:
        """Start the workers that are missing."""
        if time.monotonic() < self._not_before_s:
            return
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

    def _start_failed(self, worker: ScoringWorker) -> None:
        """Wait for the next change."""
        if not self._broken:
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
        if self._broken or any(not worker.link.is_ready for worker in new):
            return
        super().manage_workers()

    def _replace(self, changed: list[str]) -> None:
        names = [os.path.relpath(path) for path in changed[:MOST_NAMED]]
        more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
        log.info("changed: %s%s; loading", ", ".join(names), more)
        for pid, worker in list(self.WORKERS.items()):
            if not worker.link.is_ready:
                self.kill_worker(pid, signal.SIGTERM)  # it loads what has changed again
        self._newest_old, self._broken = self.worker_age, False
        for _ in range(self.num_workers):
            self.spawn_worker()
