"""gunicorn's master: which workers there are."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from scoringhost.doors.listening import refuse_new
from scoringhost.doors.server.ended import looked_at, without_lines_of
from scoringhost.doors.server.fleet_place import Word
from scoringhost.doors.server.turnover import Turnover
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

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)

MOST_NAMED = 3
"""Files that a line of the log names."""

log = logging.getLogger(HOST_LOGGER)


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, with some differences.

    It starts all workers at once instead of in random steps. It lets no new connections in before it
    closes the listening sockets (`listening.refuse_new`). And it tells the first start from later
    ones: a worker that cannot start ends the service only while nobody has ever served; later ones
    are tried again, less and less often. How a worker ended is said in our words (`ended.py`).
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
    _leaves_at_s: float | None = None

    def __init__(self, app: Any) -> None:
        self._turnover = Turnover(self)
        self._given_up: set[int] = set()
        """Workers that this master has killed, until they are gone."""
        super().__init__(app)

    def setup(self, app: Any) -> None:
        """Take the settings. With preload, gunicorn would run init() here, before anybody can be answered."""
        preload = app.cfg.preload_app
        app.cfg.set("preload_app", False)
        super().setup(app)
        app.cfg.set("preload_app", preload)

    def start(self) -> None:
        """Open the listening sockets, and run init() if the workers are not to do so."""
        super().start()
        self._say_who_serves()
        if self.cfg.preload_app:
            self._preload()

    def _preload(self) -> None:
        """Run init() in this process. No thread is left when the workers are forked.

        Signals end the process meanwhile: gunicorn would only keep them for later.
        """
        for number in (*_ENDING, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        starting = self.app.starting([listener.sock for listener in self.LISTENERS])
        try:
            with starting:
                self.app.wsgi()
        except SystemExit:
            if self.pidfile is not None:
                self.pidfile.unlink()
            raise
        finally:
            starting.refuse_kept()
        self.init_signals()

    def handle_term(self) -> None:
        """End the service, at once or after the delay: until then all goes on, but readiness says no.

        A second signal ends it at once.
        """
        delay_s = self.app.settings.shutdown_delay_s
        if delay_s and self._leaves_at_s is None:
            self._leaves_at_s = time.monotonic() + delay_s
            self.app.service_link.tell_leaving()
            log.info("the service ends in %d s; until then it answers, but /readyz is a 503", delay_s)
        else:
            super().handle_term()

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait for signals, or for the end of the delay.

        Raises:
            StopIteration: at the end of the delay, as for a signal to end.
        """
        if self._leaves_at_s is None:
            return super().wait_for_signals(timeout)
        left_s = self._leaves_at_s - time.monotonic()
        if left_s <= 0:
            raise StopIteration
        return super().wait_for_signals(min(timeout, left_s))

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

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End the service. The last line of the log is what has been said before, and not gunicorn's."""
        with without_lines_of(self.log):
            super().halt(reason, exit_status)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a signal to a worker."""
        if pid in self.WORKERS:
            if sig == signal.SIGTERM and not self._stopping:
                self.WORKERS[pid].link.tell_replaced()
            if sig in (signal.SIGKILL, signal.SIGABRT) and pid not in self._given_up:
                self._given_up.add(pid)
                log.error("worker %d is killed: %s", pid, self._patience_with(sig))
        super().kill_worker(pid, sig)

    def _patience_with(self, sig: int) -> str:
        """What ran out when this master kills a worker."""
        if self._stopping:
            s = self.cfg.graceful_timeout
            return (
                f"it has not ended within {s} s of the signal to stop (the time to drain, and some), or of a second one"
            )
        return f"it has given no sign of life for {self.timeout} s; what runs there holds the interpreter lock"

    def murder_workers(self) -> None:
        """Kill workers that give no sign of life."""
        with without_lines_of(self.log):
            super().murder_workers()

    def reap_workers(self) -> None:
        """Take note of workers that have ended."""
        before = dict(self.WORKERS)
        how = looked_at(before)
        with without_lines_of(self.log):
            super().reap_workers()
        self._say_how_they_ended(before, how)
        ended = [worker for pid, worker in before.items() if pid not in self.WORKERS]
        self._say_who_serves()
        self._has_served = self._has_served or any(worker.link.is_ready for worker in ended)
        for worker in ended:
            if not (worker.link.is_ready or worker.link.is_replaced or self._stopping):
                self._start_failed(worker)

    def _say_how_they_ended(self, workers: dict[int, ScoringWorker], how: dict[int, str]) -> None:
        for pid, worker in workers.items():
            known = how.get(pid)
            if known and pid not in self.WORKERS and pid not in self._given_up and not worker.link.has_said_why:
                log.error("worker %d: %s", pid, known)
        self._given_up.intersection_update(self.WORKERS)

    def _say_who_serves(self) -> None:
        """Tell workers that only start whether somebody else takes requests."""
        link = self.app.service_link
        if not self._owns_listeners():
            link.tell_served(True)  # as far as we know: they are the sockets of others, too
            return
        link.tell_served(False)
        # Looked at afterwards: a worker that becomes ready between the two says so itself.
        if any(worker.link.is_ready for worker in self.WORKERS.values()):
            link.tell_served(True)

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
            self.app.tell_fleet(Word.FAILED, DIED % self.num_workers)
        if not self._has_served and self._failures >= MOST_TRIES:
            log.error("no worker was ready in %d tries", self._failures)
            raise HaltServer("the service cannot be started", START_FAILED)
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
        """Start workers that are missing, end those that are too many or worn."""
        if self.app.place is not None and self.app.place.is_over():
            log.warning("the fleet's supervisor has gone; this server ends")
            raise StopIteration
        self._look_who_serves()
        if self._turnover.goes_on():
            return
        if any(worker.link.is_replaced for worker in self.WORKERS.values()):
            self._manage_others()
        else:
            super().manage_workers()

    def _manage_others(self) -> None:
        """The same while workers end that others have replaced, or that are too many: they count no more.

        gunicorn counts them, and starts no other before one is gone, which takes as long as its last request.
        """
        staying = sorted(self._staying(), key=lambda worker: worker.age)
        for worker in staying[: max(0, len(staying) - self.num_workers)]:
            self.kill_worker(worker.pid, signal.SIGTERM)
        self.spawn_up_to(self.num_workers + len(self.WORKERS) - len(staying))

    def _staying(self) -> list[ScoringWorker]:
        return [worker for worker in self.WORKERS.values() if not worker.link.is_replaced]

    def handle_ttou(self) -> None:
        """Have one worker fewer: one that has not started yet, or else the oldest. One is always left."""
        starting = [worker for worker in self._staying() if not worker.link.is_ready]
        if self.num_workers > 1 and starting and len(self._staying()) >= self.num_workers:
            self.kill_worker(max(starting, key=lambda worker: worker.age).pid, signal.SIGTERM)
        super().handle_ttou()

    def spawn_workers(self) -> None:
        """Start the workers that are missing."""
        self.spawn_up_to(self.num_workers)

    def spawn_up_to(self, number: int) -> None:
        """Start as many workers as that number lacks, unless the last start has just failed."""
        if time.monotonic() < self._not_before_s:
            return
        for _ in range(number - len(self.WORKERS)):
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
