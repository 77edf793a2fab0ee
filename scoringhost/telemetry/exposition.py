"""Exposition: the metrics as Prometheus' text or as OpenMetrics, made when somebody asks for them.

prometheus_client does the writing, and adds what the entry script has counted with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scoringhost._version import __version__
from scoringhost.errors import MissingExtra
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.process.shared_cells import Row
from scoringhost.telemetry.metric_cells import OTHER_STATUS, Histogram, Layout
from scoringhost.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client.core import Metric

OPENMETRICS = "application/openmetrics-text"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def require_prometheus() -> None:
    """Make sure that there is somebody to write the metrics.

    Raises:
        MissingExtra: if prometheus_client is not installed.
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        raise MissingExtra("prometheus_client", "metrics") from None


class Exposition:
    """Answers GET /metrics."""

    def __init__(self, metrics: Metrics, script_metrics: str | None = None) -> None:
        """script_metrics: the folder of what the script counts itself, if several processes do so."""
        self._metrics, self._script_metrics = metrics, script_metrics

    def endpoints(self, *, is_open: bool = False) -> dict[str, Endpoint]:
        """The endpoint, at its usual path."""
        return {"/metrics": Endpoint({"GET": self.answer, "HEAD": self.answer}, logged=False, is_open=is_open)}

    def answer(self, request: HttpRequest) -> HttpResponse:
        """All metrics, as OpenMetrics for who prefers that."""
        from prometheus_client import REGISTRY, CollectorRegistry, exposition, multiprocess
        from prometheus_client.openmetrics import exposition as openmetrics

        registry = CollectorRegistry()
        registry.register(_Collector(self._metrics))
        if self._script_metrics is not None:
            multiprocess.MultiProcessCollector(registry, self._script_metrics)  # type: ignore[no-untyped-call]
        else:
            registry.register(REGISTRY)
        if OPENMETRICS in request.headers.get("accept", ""):
            kind, text = openmetrics.CONTENT_TYPE_LATEST, openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        else:
            kind, text = exposition.CONTENT_TYPE_LATEST, exposition.generate_latest(registry)
        return HttpResponse(200, [("Content-Type", kind)], text)


class _Collector:
    """What prometheus_client asks for metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are known to be free, and asking would read everything once more."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family, of the sums over all processes."""
        layout = self._metrics.layout
        rows = list(self._metrics.shared.rows())
        read = {row.number: layout.read(row.cells) for row in rows}
        sums = [sum(column) for column in zip(*read.values(), strict=True)] or [0.0] * layout.width
        alive = [row for row in rows if row.is_alive]
        yield from _counters(layout, sums)
        for histogram in layout.histograms:
            yield _histogram(histogram, sums)
        yield from _now(layout, alive, read)
        yield from _processes(rows, alive)


def _counters(layout: Layout, sums: list[float]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    requests = CounterMetricFamily("scoringhost_requests", "Requests, by what they were answered.", labels=_BY_STATUS)
    for dialect, statuses in layout.requests.items():
        for status, at in statuses.items():
            if sums[at] or status == 200:
                requests.add_metric([dialect, str(status or OTHER_STATUS)], sums[at])
    yield requests
    for name, help, cells in (
        ("scoringhost_refusals", "Requests that never reached run(), by the reason.", layout.refusals),
        ("scoringhost_failures", "Calls of run() that failed, by the reason.", layout.failures),
    ):
        family = CounterMetricFamily(name, help, labels=["reason"])
        for reason, at in cells.items():
            if sums[at]:
                family.add_metric([reason], sums[at])
        yield family
    broken = CounterMetricFamily("scoringhost_broken_off", "Answers that were not sent to their end.")
    broken.add_metric([], sums[layout.broken_off])
    yield broken
    kept = CounterMetricFamily("scoringhost_kept_requests", "Requests that were collected or recorded.")
    kept.add_metric([], sums[layout.kept])
    lost = CounterMetricFamily("scoringhost_lost_records", "Requests that could not be collected or recorded.")
    lost.add_metric([], sums[layout.lost])
    yield from (kept, lost)


_BY_STATUS = ["dialect", "status"]


def _histogram(histogram: Histogram, sums: list[float]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily
    from prometheus_client.utils import floatToGoString

    buckets, total = [], 0
    for number, bound in enumerate((*histogram.bounds, float("inf"))):
        total += round(sums[histogram.start + number])
        buckets.append((floatToGoString(bound), float(total)))  # type: ignore[no-untyped-call]
    family = HistogramMetricFamily(f"scoringhost_{histogram.name}", histogram.help)
    family.add_metric([], buckets, sums[histogram.sum_at])
    return family


def _now(layout: Layout, alive: list[Row], read: dict[int, list[float]]) -> Iterator[Metric]:
    """How things are, of the processes that run."""
    from prometheus_client.core import GaugeMetricFamily

    in_flight = sum(layout.in_flight(read[row.number]) for row in alive)
    yield GaugeMetricFamily("scoringhost_requests_in_flight", "Requests that are being answered.", value=in_flight)
    waiting = sum(read[row.number][layout.waiting] for row in alive)
    yield GaugeMetricFamily("scoringhost_calls_waiting", "Calls that wait for their turn or batch.", value=waiting)
    load = GaugeMetricFamily(
        "scoringhost_model_load_seconds", "Time to load the script and run init().", labels=["worker"]
    )
    for row in alive:
        if row.cells[layout.ready_s]:
            load.add_metric([str(row.number)], row.cells[layout.ready_s])
    yield load
    yield GaugeMetricFamily("scoringhost_workers", "Worker processes that run.", value=len(alive))
    build = GaugeMetricFamily("scoringhost_build_info", "The version that runs.", labels=["version"])
    build.add_metric([__version__], 1)
    yield build


def _processes(rows: list[Row], alive: list[Row]) -> Iterator[Metric]:
    """What each worker takes of the machine; where there is no /proc, how often workers were started only."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    starts = CounterMetricFamily("scoringhost_worker_starts", "Worker processes that were started.")
    starts.add_metric([], sum(row.starts for row in rows))
    yield starts
    memory = GaugeMetricFamily("scoringhost_worker_memory_bytes", "Resident memory of a worker.", labels=["worker"])
    cpu = CounterMetricFamily("scoringhost_worker_cpu_seconds", "Processor time of a worker.", labels=["worker"])
    files = GaugeMetricFamily("scoringhost_worker_open_files", "Files and sockets of a worker.", labels=["worker"])
    for row in alive:
        try:
            with open(f"/proc/{row.pid}/statm", encoding="ascii") as file:
                memory.add_metric([str(row.number)], int(file.read().split()[1]) * _PAGE)
            with open(f"/proc/{row.pid}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()  # a name may hold blanks and parentheses
            cpu.add_metric([str(row.number)], (int(fields[11]) + int(fields[12])) / _TICKS)
            files.add_metric([str(row.number)], len(os.listdir(f"/proc/{row.pid}/fd")))
        except OSError:
            continue  # it has just ended, or this is no Linux
    yield from (memory, cpu, files)
