"""Metrics: what happens to requests, counted in cells that all workers share. Nothing is formatted here.

An object of prometheus_client takes several microseconds for each observation where there are several processes, which
would be a third of a small request. Here it is a `+=` on a cell, and `exposition` makes Prometheus' text of the
cells when somebody asks for it.

Every label has a fixed set of values: no path, name or id that a caller sends becomes a time series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from scoringhost.errors import RunError, ScoringHostError
from scoringhost.http.errors import ROWS as ERRORS
from scoringhost.http.messages import HttpRequest
from scoringhost.process.shared_cells import SharedCells

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
    """Where a histogram is: a cell for each bucket, the last one for what is larger than all, and one for the sum."""

    name: str
    help: str
    bounds: Sequence[float]
    start: int

    @property
    def width(self) -> int:
        """How many cells it has."""
        return len(self.bounds) + 2


class Layout:
    """Which cell means what; the same in every process. dialects: the names of those that answer."""

    def __init__(self, dialects: Sequence[str]) -> None:
        self.dialects = tuple(dialects)
        self.width = 0
        self.in_flight, self.waiting = self._one(), self._one()
        self.ready_s = self._one()
        self.requests: Mapping[str, Mapping[int, int]] = {
            dialect: {status: self._one() for status in (*STATUSES, 0)} for dialect in dialects
        }
        self.refusals: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        for row in ERRORS:
            kind = self.failures if issubclass(row.error, RunError) else self.refusals
            kind[row.error.__name__] = self._one()
        self.broken_off = self._one()
        self.kept, self.lost = self._one(), self._one()
        self.wait = self._histogram("wait_seconds", "Time that a call waited for its turn or its batch.", SECONDS)
        self.decode = self._histogram("decode_seconds", "Time to make arguments of a payload.", SECONDS)
        self.run = self._histogram("run_seconds", "Time in run(), for each run() and not for each call.", SECONDS)
        self.encode = self._histogram("encode_seconds", "Time to make a body of a result.", SECONDS)
        self.total = self._histogram("request_seconds", "Time from a request's last byte to its answer.", SECONDS)
        self.batch_calls = self._histogram("batch_calls", "Calls that were joined in one run().", ROWS)
        self.batch_rows = self._histogram("batch_rows", "Rows of one run(), where they are counted.", ROWS)
        self.request_bytes = self._histogram("request_body_bytes", "Sizes of the bodies of requests.", BYTES)
        self.response_bytes = self._histogram("response_body_bytes", "Sizes of the bodies of responses.", BYTES)

    @property
    def histograms(self) -> tuple[Histogram, ...]:
        """All of them."""
        return (
            *(self.wait, self.decode, self.run, self.encode, self.total),
            *(self.batch_calls, self.batch_rows, self.request_bytes, self.response_bytes),
        )

    @property
    def gauges(self) -> tuple[int, ...]:
        """Cells that say how things are, not how often; of a process that has ended they say nothing."""
        return (self.in_flight, self.waiting, self.ready_s)

    def _one(self) -> int:
        self.width += 1
        return self.width - 1

    def _histogram(self, name: str, help: str, bounds: Sequence[float]) -> Histogram:
        made = Histogram(name, help, bounds, self.width)
        self.width += made.width
        return made


class Metrics:
    """Counts requests; the `Watcher` of the HTTP application."""

    def __init__(self, layout: Layout, cells: SharedCells) -> None:
        self.layout, self.shared = layout, cells
        self._cells: memoryview[float] | None = None
        self._began_s = self._loaded_s = 0.0

    def begin(self, request: HttpRequest) -> Watched | None:
        """See `Watcher`. Health probes and those who ask for metrics are not counted: they would drown the others."""
        endpoint = request.match.endpoint
        if endpoint is not None and not endpoint.logged:
            return None
        cells = self._cells
        if cells is None:
            cells = self.start()
        cells[self.layout.in_flight] += 1
        cells[self.layout.waiting] += 1
        return Watched(self.layout, cells, request)

    def start(self) -> memoryview[float]:
        """Take this process's row of cells, as it begins to serve; gauges of whoever had it before are set back."""
        cells = self._cells = self.shared.own
        for at in self.layout.gauges:
            cells[at] = 0
        cells[self.layout.ready_s] = self._loaded_s
        return cells

    def count_kept(self, kept: int, lost: int) -> None:
        """Requests that were kept by data collection or the flight recorder, and such that were lost to them."""
        cells = self._cells
        if cells is not None:
            cells[self.layout.kept] += kept
            cells[self.layout.lost] += lost

    def begin_loading(self) -> None:
        """The script is about to be imported; perhaps in a process that serves nobody itself."""
        self._began_s = perf_counter()

    def end_loading(self) -> None:
        """init() has returned."""
        self._loaded_s = perf_counter() - self._began_s


class Watched:
    """One request; see `Stages`."""

    __slots__ = ("_cells", "_dialect", "_is_waiting", "_layout", "_request")

    def __init__(self, layout: Layout, cells: memoryview[float], request: HttpRequest) -> None:
        self._layout, self._cells, self._request = layout, cells, request
        self._dialect = request.match.dialect.name
        self._is_waiting = True

    def waited(self, seconds: float) -> None:
        """See `Stages`."""
        layout, cells = self._layout, self._cells
        if self._is_waiting:
            self._is_waiting = False
            cells[layout.waiting] -= 1
        observe(cells, layout.wait, seconds)

    def decoded(self, seconds: float) -> None:
        """See `Stages`."""
        observe(self._cells, self._layout.decode, seconds)

    def joins(self, batch: dict[str, object]) -> None:
        """See `Stages`."""

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        """See `Stages`. A run() of several calls is told to each of them, and counted once: for its share in each."""
        layout, cells = self._layout, self._cells
        if calls == 1:
            observe(cells, layout.run, seconds)
            return
        share = 1 / calls
        observe(cells, layout.run, seconds, share)
        observe(cells, layout.batch_calls, calls, share)
        if rows:
            observe(cells, layout.batch_rows, rows, share)

    def encoded(self, seconds: float) -> None:
        """See `Stages`."""
        observe(self._cells, self._layout.encode, seconds)

    def failed(self, error: ScoringHostError) -> None:
        """See `Stages`."""
        kinds = self._layout.failures if isinstance(error, RunError) else self._layout.refusals
        at = kinds.get(type(error).__name__)
        if at is not None:
            self._cells[at] += 1

    def sent(self, status: int, size: int, whole: bool) -> None:
        """See `Stages`."""
        layout, cells, request = self._layout, self._cells, self._request
        cells[layout.in_flight] -= 1
        if self._is_waiting:
            cells[layout.waiting] -= 1
        statuses = layout.requests[self._dialect]
        cells[statuses.get(status, statuses[0])] += 1
        if not whole:
            cells[layout.broken_off] += 1
        observe(cells, layout.total, perf_counter() - request.began_s)
        observe(cells, layout.request_bytes, len(request.body))
        observe(cells, layout.response_bytes, size)


def observe(cells: memoryview[float], histogram: Histogram, value: float, share: float = 1.0) -> None:
    """Count a value in its bucket; `share`: how much of an observation it is, if it is told several times."""
    start, bounds = histogram.start, histogram.bounds
    at = start + bisect_left(bounds, value)
    cells[at] += share
    at = start + len(bounds) + 1
    cells[at] += value * share
