"""Turnover: workers that are worn are replaced one after the other, each by one that is ready before it ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scoringhost.doors.server.master import Master


class Turnover:
    """Replaces the worn workers of a master.

    A worker that is worn (`wear.py`) goes on serving. Its substitute is started beside it, so that for a
    while there is a worker more, with a model of its own. When that is ready the worn one is told to end,
    and finishes what it has taken. If the substitute cannot start, it is tried again as any other.
    """

    def __init__(self, master: Master) -> None:
        self._master = master
        self._worn: int | None = None
        """The process id of the worker that is being replaced."""
        self._newest_old = 0
        """The age, which is a number, of the last worker that was started before its substitute."""

    def goes_on(self) -> bool:
        """Do what is to be done next; whether a worker is being replaced, so that there is one more than usual."""
        master = self._master
        if self._worn is None:
            self._begin()
        if self._worn is None:
            return False
        worn = master.WORKERS.get(self._worn)
        if worn is None:  # it has ended, in order or not
            self._worn = None
            return False
        master.spawn_up_to(master.num_workers + 1)
        new = [worker for worker in master.WORKERS.values() if worker.age > self._newest_old]
        if not worn.link.is_replaced and any(worker.link.is_ready for worker in new):
            master.kill_worker(self._worn, signal.SIGTERM)
        return True

    def _begin(self) -> None:
        """Choose the oldest worker that is worn, if the service is complete."""
        workers = self._master.WORKERS
        ready = [worker for worker in workers.values() if worker.link.is_ready]
        worn = [pid for pid, worker in workers.items() if worker.link.is_worn]
        if not worn or len(ready) < self._master.num_workers:
            return
        self._worn = min(worn, key=lambda pid: workers[pid].age)
        self._newest_old = self._master.worker_age
