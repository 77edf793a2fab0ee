"""Which cell of the metrics means what, and how requests get into their histograms.

A request that ends leaves an entry of its own in the row of its process: its status and what is observed of it, written
in one piece. Entries are counted by the hundred, or by whoever reads the row. So nothing is lost when a process ends
between two, and a request takes a third of the instructions that counting each of its values took
(`tests/bench/instructions.py`: 21,000 in place of 73,000).

Every label has a fixed set of values: no path, name or id that a caller sends becomes a time series.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scoringhost.errors import RunError
from scoringhost.http.errors import ROWS as ERRORS

Cells: TypeAlias = "memoryview[float] | list[float]"

PENDING = 128
"""Entries that wait to be counted; counting them takes some 0.2 ms."""
ENTRY = 8
"""Cells of an entry: the cell of its status, and a value for each of the first histograms; ABSENT if there is none."""
READ_TRIES = 100
"""How often a row is read if its process is counting entries at that moment, which takes it a fraction of a ms."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
BYTES = (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)

STATUSES = (
    *(200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308),
    *(400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 415, 416, 422, 424, 428, 429, 431, 499),
    *(500, 501, 502, 503, 504),
)
OTHER_STATUS = "other"
"""A script may answer with any of a thousand; those that are not listed are counted together."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Where a histogram is: a cell for each bucket from `start`, the last for what is larger than all, and its sum."""

    name: str
    help: str
    bounds: Sequence[float]
    start: int
    sum_at: int


class Layout:
    """Which cell means what; the same in every process. dialects: the names of those that answer."""

    def __init__(self, dialects: Sequence[str]) -> None:
        self.dialects = tuple(dialects)
        self.width = 0
        self.begun, self.waiting, self.ready_s = self._one(), self._one(), self._one()
        self.requests: Mapping[str, Mapping[int, int]] = {
            dialect: {status: self._one() for status in (*STATUSES, 0)} for dialect in dialects
        }
        self.refusals: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        for row in ERRORS:
            kind = self.failures if issubclass(row.error, RunError) else self.refusals
            kind[row.error.__name__] = self._one()
        self.broken_off, self.kept, self.lost = self._one(), self._one(), self._one()
        self.histograms = tuple(self._histogram(*row) for row in _HISTOGRAMS)
        self.run, self.batch_calls, self.batch_rows = self.histograms[_RUN], *self.histograms[-2:]
        self.pending, self.folding = self._one(), self._one()
        self.first_entry = self.width
        self.entries_at = self.width * 8
        """In bytes."""
        self.width += PENDING * ENTRY

    def in_flight(self, cells: Cells) -> float:
        """How many requests are being answered in a process: those that have begun, and have no status yet."""
        return cells[self.begun] - sum(cells[at] for by in self.requests.values() for at in by.values())

    def _one(self) -> int:
        self.width += 1
        return self.width - 1

    def _histogram(self, name: str, help: str, bounds: Sequence[float]) -> Histogram:
        made = Histogram(name, help, bounds, self.width, self.width + len(bounds) + 1)
        self.width += len(bounds) + 2
        return made

    # -- requests that wait to be counted -----------------------------------------------------------

    def fold(self, cells: Cells) -> None:
        """Count the entries of requests that wait in a row, all at once.

        Sorted, a hundred values are put into buckets with one search for each bound: a tenth of the time that a
        search for each value takes.
        """
        count = int(cells[self.pending])
        if not count:
            return
        entries = list(cells[self.first_entry : self.first_entry + count * ENTRY])
        statuses = entries[0::ENTRY]
        for at in set(statuses):  # one or two, as a rule
            cells[int(at)] += statuses.count(at)
        for number, histogram in enumerate(self.histograms[: ENTRY - 1], start=1):
            values = sorted(entries[number::ENTRY])
            if values[0] < 0:  # ABSENT
                values = values[bisect_left(values, 0.0) :]
            before, upto = 0, len(values)
            for place, bound in enumerate(histogram.bounds, start=histogram.start):
                if before == upto:
                    break
                after = bisect_right(values, bound, before)
                if after > before:
                    cells[place] += after - before
                    before = after
            cells[histogram.sum_at - 1] += upto - before
            cells[histogram.sum_at] += sum(values)
        cells[self.pending] = 0

    def read(self, cells: memoryview[float]) -> list[float]:
        """A copy of a row in which everything is counted, also of a process that counts there at this moment."""
        for _ in range(READ_TRIES):
            before = cells[self.folding]
            copy: list[float] = list(cells)
            if before == copy[self.folding] == cells[self.folding] and not before % 2:
                break
        self.fold(copy)
        return copy

    def observe(self, cells: Cells, histogram: Histogram, value: float, share: float) -> None:
        """Count one value; share: how much of an observation it is, if it is told several times."""
        cells[histogram.start + bisect_left(histogram.bounds, value)] += share
        cells[histogram.sum_at] += value * share


_HISTOGRAMS: tuple[tuple[str, str, Sequence[float]], ...] = (
    # of every request, in the order of an entry
    ("wait_seconds", "Time that a call waited for its turn or its batch.", SECONDS),
    ("decode_seconds", "Time to make arguments of a payload.", SECONDS),
    ("run_seconds", "Time in run(), for each run() and not for each call.", SECONDS),
    ("encode_seconds", "Time to make a body of a result.", SECONDS),
    ("request_seconds", "Time from a request's last byte to its answer.", SECONDS),
    ("request_body_bytes", "Sizes of the bodies of requests.", BYTES),
    ("response_body_bytes", "Sizes of the bodies of responses.", BYTES),
    # of batches
    ("batch_calls", "Calls that were joined in one run().", ROWS),
    ("batch_rows", "Rows of one run(), where they are counted.", ROWS),
)
_RUN = 2
