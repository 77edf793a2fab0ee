"""Wear: when a worker has served for long enough, because of what leaks in its script or in a library."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from scoringhost.process.memory import rss_mb
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from scoringhost.doors.server.worker import ScoringWorker

log = logging.getLogger(HOST_LOGGER)


class Wear:
    """Looks at what a worker has answered and what memory it takes, and tells the master when that is enough."""

    def __init__(self, worker: ScoringWorker, memory_mb: Callable[[], float | None] = rss_mb) -> None:
        """To be made when the worker is ready: what it takes then, it takes because it must."""
        self._link, self._memory_mb = worker.link, memory_mb
        self._most_requests: int = (
            worker.max_requests
        )  # gunicorn has added the jitter; sys.maxsize if there is no limit
        self._most_mb = worker.app.settings.max_worker_memory_mb
        size_mb = memory_mb() if self._most_mb else None
        if size_mb is not None and size_mb > self._most_mb:
            # The next one would be as large, and they would be replaced one after the other for ever.
            log.warning("max_worker_memory_mb is ignored: a worker that has just started takes %.0f MiB", size_mb)
            self._most_mb = 0

    def look(self, requests: int) -> None:
        """Tell the master if the worker has answered enough requests, or takes too much memory."""
        if self._link.is_worn:
            return
        why = self._why(requests)
        if why:
            log.info("worker %d %s; another takes its place", os.getpid(), why)
            self._link.tell_worn()

    def _why(self, requests: int) -> str:
        if requests >= self._most_requests != sys.maxsize:
            return f"has answered {requests} requests"
        size_mb = self._memory_mb() if self._most_mb else None
        if size_mb is not None and size_mb > self._most_mb:
            return f"takes {size_mb:.0f} MiB of memory"
        return ""
