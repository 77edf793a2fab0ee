"""What of metrics, traces and OpenTelemetry's logs the settings want; made once, before workers are forked."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoringhost.http.observing import HttpObserver, TimesKeeper, Watcher
from scoringhost.process.shared_cells import SharedCells
from scoringhost.settings import Settings
from scoringhost.telemetry import script_metrics
from scoringhost.telemetry.exposition import require_prometheus
from scoringhost.telemetry.metric_cells import Layout
from scoringhost.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from scoringhost.telemetry.exports import Exports
    from scoringhost.telemetry.otel_variables import Wanted

MOST_PROCESSES = 64
"""Processes that count at once, old and new workers together."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What hears of requests, and what sends that away.

    script_metrics: the folder of what the script counts itself, if several processes do so.
    """

    metrics: Metrics | None = None
    script_metrics: str | None = None
    exports: Exports | None = None
    watchers: tuple[Watcher, ...] = ()
    observers: tuple[HttpObserver, ...] = ()


def telemetry_of(
    settings: Settings, dialects: Sequence[str], environ: MutableMapping[str, str] | None = None
) -> Telemetry:
    """What the settings want.

    dialects: whose requests are counted apart. environ: of the process, if it is to fork workers.

    Raises:
        StartupError: if a package is missing that was asked for, or one of OpenTelemetry's variables cannot be used.
    """
    metrics, folder = None, None
    watchers: list[Watcher] = []
    if settings.metrics or settings.metrics_port:
        folder = None if environ is None else script_metrics.prepare(environ)
        layout = Layout(dialects)
        metrics = Metrics(layout, SharedCells(layout.width, max(MOST_PROCESSES, 4 * settings.workers)))
        require_prometheus()
        watchers.append(metrics)
    elif settings.server_timing or settings.log_format == "json":
        watchers.append(TimesKeeper())
    wanted = _wanted(settings)
    if wanted is None:
        return Telemetry(metrics, folder, watchers=tuple(watchers))
    exports = _exports(settings, wanted)
    observers: list[HttpObserver] = []
    if wanted.traces:
        from scoringhost.telemetry.traces import Traces

        watchers.append(Traces(exports, batches=settings.max_batch_size > 1))
    if wanted.traces and wanted.insights is not None:
        from scoringhost.telemetry.app_insights import RequestProperties

        observers.append(RequestProperties(settings.service_name, with_responses=settings.app_insights_responses))
    return Telemetry(metrics, folder, exports, tuple(watchers), tuple(observers))


def _wanted(settings: Settings) -> Wanted | None:
    """What is to be sent by OpenTelemetry; None, with nothing imported, if that is nothing."""
    if settings.traces is None and not settings.open_telemetry and not settings.app_insights_enabled:
        return None
    from scoringhost.telemetry.otel_variables import Wanted

    wanted = Wanted.of(settings)
    return wanted if wanted.anything else None


def _exports(settings: Settings, wanted: Wanted) -> Exports:
    from scoringhost.telemetry.exports import Destination, Exports
    from scoringhost.telemetry.otel_variables import Sampling, maker

    destinations = [Destination(spans=maker("TRACES", name)) for name in wanted.spans]
    destinations += [Destination(lines=maker("LOGS", name)) for name in wanted.lines]
    if wanted.insights is not None:
        from scoringhost.telemetry import app_insights

        destinations.append(app_insights.destination(wanted.insights))
    sampling = Sampling.of(settings.open_telemetry)
    return Exports(destinations, sampling, settings.service_name, settings.service_version)
