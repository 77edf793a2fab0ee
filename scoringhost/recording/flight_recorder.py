"""The flight recorder: the last requests that failed, or were slow, each in a file of its own.

They are in a folder and not in the memory of a worker, so that they are there when the worker is not; and it is one
folder for all workers, whose oldest files are removed by whoever adds one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.recording.parts import line_of
from scoringhost.recording.places import Folder
from scoringhost.recording.queue import CLOSE_S, Item, Losses, Queue
from scoringhost.recording.records import About, Exchange, stamp, was_for_run
from scoringhost.recording.redaction import Redact, records_of

_OURS = re.compile(r"\d{8}T\d{12}Z-\d{3}-\d+-\d+\.json")
"""The names of our files, in the order of time; nothing else in the folder is touched."""


@dataclass(frozen=True, slots=True)
class RecorderRules:
    """What is recorded, and how much of it stays. slow_ms: 0 for no request because of its time."""

    folder: Path
    from_status: int
    slow_ms: float
    most: int
    most_bytes: int

    def reason(self, status: int, elapsed_ms: float, is_whole: bool) -> str:
        """Why a request is recorded; empty if it is not."""
        if status >= self.from_status:
            return "failed"
        if not is_whole:
            return "broken off"
        return "slow" if self.slow_ms and elapsed_ms >= self.slow_ms else ""


class Flights:
    """Writes the files; the `Keeper` of a flight recorder."""

    def __init__(self, rules: RecorderRules, about: About, redact: Redact | None) -> None:
        self._rules, self._about, self._redact = rules, about, redact
        self._folder = Folder(rules.folder)
        self._made = 0

    def keep(self, items: list[Item], losses: Losses) -> None:
        """See `Keeper`."""
        # More than there is room for were written for nothing.
        over = len(items) - self._rules.most
        for item, record in records_of(items[max(0, over) :], self._about, self._redact, losses):
            assert isinstance(item, Exchange), "nothing else is put into the queue of a flight recorder"
            self._made += 1
            moment = re.sub(r"[-:.]", "", stamp(item.time_ns))
            name = f"{moment}-{item.response.status}-{os.getpid()}-{self._made}.json"
            try:
                self._folder.write(name, line_of(record))
            except OSError as problem:
                losses.lost(1, f"{type(problem).__name__}: {problem}")
                continue
            losses.kept(1)
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        """Remove files until there is room; another worker may do the same."""
        try:
            entries = [entry for entry in os.scandir(self._rules.folder) if _OURS.fullmatch(entry.name)]
            sizes = {entry.name: entry.stat().st_size for entry in entries}
            total = sum(sizes.values())
            names = sorted(sizes)
            while names and (len(names) > self._rules.most or total > self._rules.most_bytes):
                oldest = names.pop(0)
                total -= sizes[oldest]
                (self._rules.folder / oldest).unlink(missing_ok=True)
        except OSError:
            return  # the next time will do

    def tidy(self, losses: Losses) -> float | None:
        """See `Keeper`; nothing is held back."""
        return None

    def finish(self, losses: Losses) -> None:
        """See `Keeper`; nothing is held back."""

    def forget(self) -> None:
        """See `Keeper`; nothing is open."""


class FlightRecorder:
    """Records requests that failed or were slow, as an `HttpObserver`."""

    def __init__(self, rules: RecorderRules, about: About, redact: Redact | None, losses: Losses) -> None:
        self._rules = rules
        self.queue = Queue(Flights(rules, about, redact), losses, "flight-recorder")

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """See `HttpObserver`."""
        if not was_for_run(request, response):
            return
        reason = self._rules.reason(response.status, elapsed_ms, whole)
        if reason:
            exchange = Exchange.of(request, response, elapsed_ms, size, whole)
            exchange.reason = reason
            self.queue.put(exchange)

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        """See `HttpObserver`; `sent` follows."""

    def broke(self, traceback: str) -> None:
        """See `HttpObserver`; the request that broke it is answered with a 500, and recorded."""

    def close(self, within_s: float = CLOSE_S) -> None:
        """Write what waits."""
        self.queue.close(within_s)
