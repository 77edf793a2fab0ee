"""Metrics: what happens to requests, counted in cells that all workers share. Nothing is formatted here.

An object of prometheus_client takes several microseconds for each observation where there are several processes, which
would be a third of a small request. Here a request keeps its times and leaves them as one entry (`metric_cells`), and
`exposition` makes Prometheus' text of the cells when somebody asks for it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from time import perf_counter

from scoringhost.errors import RunError, ScoringHostError
from scoringhost.http.messages import HttpRequest
from scoringhost.kernel.stage_times import ABSENT, StageTimes
from scoringhost.process.shared_cells import SharedCells
from scoringhost.telemetry.metric_cells import ENTRY, PENDING, Layout

_write = struct.Struct(f"{ENTRY}d").pack_into


class Metrics:
    """Counts requests; the `Watcher` of the HTTP application.

    begun: what that cell of this process holds. Only it writes its row of the shared cells, so that it need not read
    what it has written.
    """

    def __init__(self, layout: Layout, shared: SharedCells) -> None:
        self.layout, self.shared = layout, shared
        self.cells: memoryview[float] | None = None
        self.begun = 0.0
        self.pending = 0
        self.begun_at, self.waiting_at = layout.begun, layout.waiting
        self.pending_at, self.entries_at = layout.pending, layout.entries_at
        self._began_s = self._loaded_s = 0.0

    def begin(self, request: HttpRequest) -> Watched:
        """See `Watcher`."""
        cells = self.cells
        if cells is None:
            cells = self.start()
        self.begun = cells[self.begun_at] = self.begun + 1.0
        watched = request.times = Watched()
        watched.metrics, watched.began_s, watched.size = self, request.began_s, len(request.body)
        watched.statuses = self.layout.requests[request.match.dialect.name]
        return watched

    def start(self) -> memoryview[float]:
        """Take this process's row of cells, as it begins to serve; what whoever had it before had begun is over."""
        layout = self.layout
        cells = self.cells = self.shared.own
        layout.fold(cells)
        self.pending = 0
        cells[layout.folding] = 0
        self.begun = cells[layout.begun] = cells[layout.begun] - layout.in_flight(cells)
        cells[layout.waiting] = 0
        cells[layout.ready_s] = self._loaded_s
        return cells

    def count_kept(self, kept: int, lost: int) -> None:
        """Requests that were kept by data collection or the flight recorder, and such that were lost to them."""
        cells = self.cells
        if cells is not None:
            cells[self.layout.kept] += kept
            cells[self.layout.lost] += lost

    def begin_loading(self) -> None:
        """The script is about to be imported; perhaps in a process that serves nobody itself."""
        self._began_s = perf_counter()

    def end_loading(self) -> None:
        """init() has returned."""
        self._loaded_s = perf_counter() - self._began_s

    def fold(self) -> None:
        """Count the entries that wait, as there is no place for another; on the event loop."""
        cells, layout = self.cells, self.layout
        assert cells is not None
        # Who reads meanwhile reads again, see `Layout.read`.
        cells[layout.folding] += 1
        layout.fold(cells)
        cells[layout.folding] += 1
        self.pending = 0


_ENTRY_BYTES = ENTRY * 8
_LAST = PENDING - 1


class Watched(StageTimes):
    """One request that is counted; see `Stages`.

    It does not hold the request, which holds it: that would be a cycle, which keeps every body until the garbage
    collector comes.
    """

    metrics: Metrics
    began_s: float
    size: int
    statuses: Mapping[int, int]
    is_waiting = False

    def waits(self) -> None:
        """See `Stages`."""
        self.is_plain = False  # `waited` has to be heard
        cells, at = self.metrics.cells, self.metrics.waiting_at
        assert cells is not None
        if not self.is_waiting:
            self.is_waiting = True
            cells[at] += 1

    def waited(self, seconds: float) -> None:
        """See `Stages`."""
        self.wait_s = seconds
        self._wait_no_more()

    def _wait_no_more(self) -> None:
        # Told on the thread that scores, and by `sent` on the event loop if its client goes just then. No call stands
        # between the question and the counting, so that one of them counts (see `SharedCells`).
        cells, at = self.metrics.cells, self.metrics.waiting_at
        assert cells is not None
        if self.is_waiting:
            self.is_waiting = False
            cells[at] -= 1

    def failed(self, error: ScoringHostError) -> None:
        """See `Stages`."""
        self.error = type(error).__name__
        layout = self.metrics.layout
        self._count((layout.failures if isinstance(error, RunError) else layout.refusals).get(self.error))

    def sent(self, status: int, size: int, whole: bool) -> None:
        """See `Stages`."""
        metrics, statuses, run_s = self.metrics, self.statuses, self.run_s
        cells, pending = metrics.cells, metrics.pending
        assert cells is not None
        if self.is_waiting:
            self._wait_no_more()
        if not whole:
            self._count(metrics.layout.broken_off)
        if self.calls > 1:
            self._count_batch()
            run_s = ABSENT  # it is told to each call of the batch, and has been counted for its share
        _write(
            cells,
            metrics.entries_at + pending * _ENTRY_BYTES,
            statuses.get(status) or statuses[0],
            self.wait_s,
            self.decode_s,
            run_s,
            self.encode_s,
            perf_counter() - self.began_s,
            self.size,
            size,
        )
        cells[metrics.pending_at] = metrics.pending = pending + 1
        if pending == _LAST:
            metrics.fold()

    def _count(self, at: int | None) -> None:
        if at is not None and self.metrics.cells is not None:
            self.metrics.cells[at] += 1

    def _count_batch(self) -> None:
        layout, cells, share = self.metrics.layout, self.metrics.cells, 1 / self.calls
        assert cells is not None
        layout.observe(cells, layout.run, self.run_s, share)
        layout.observe(cells, layout.batch_calls, self.calls, share)
        if self.rows:
            layout.observe(cells, layout.batch_rows, self.rows, share)
