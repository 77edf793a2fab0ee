"""Site: a host and the HTTP application over it, which is what a transport serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scoringhost.http.app import HttpApp
from scoringhost.http.routes import HEALTH_PATHS
from scoringhost.kernel.host import Host
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.kernel.thread_runner import Mover
from scoringhost.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from scoringhost.telemetry.exports import Exports


@dataclass(frozen=True, slots=True)
class Site:
    """Loaded services and how they are reached. `max_body` is in bytes, `threads` run() in parallel."""

    host: Host
    app: HttpApp
    max_body: int
    threads: int = 1
    model_dir: Path | None = None
    metrics: Metrics | None = None
    metrics_app: HttpApp | None = None
    """What answers on the port for metrics, if they have one."""
    health_app: HttpApp | None = None
    """What answers on the health port, if that is to answer nothing else: it is not secured where the main port is."""
    grpc_app: HttpApp | None = None
    """What answers calls over gRPC, if they are taken."""
    probes: Sequence[str] = HEALTH_PATHS
    """Where health is asked for: what `app` answers there waits for nothing."""
    model_names: Sequence[str] = ()
    """By which names the services are known there."""
    exports: Exports | None = None
    closings: Sequence[Callable[[], object]] = ()
    """What is done once the services have ended, each quickly or within a few seconds, in order."""

    def init(self) -> None:
        """Run init() of every service; to be called on the thread that will score.

        Raises:
            InitFailed: if one raises.
        """
        for service in self.host:
            service.init(self.model_dir)
        if self.metrics is not None:
            self.metrics.end_loading()

    @property
    def all_async(self) -> bool:
        """Whether every run() is async, so that the event loop should be where init() was."""
        return all(service.signature.is_async for service in self.host)

    def open(self, threads: list[ScoringThread], when_stuck: Callable[[], None], mover: Mover | None = None) -> None:
        """Take calls from now on; to be called on the event loop that will score."""
        if self.metrics is not None:
            self.metrics.start()
        if self.exports is not None:
            self.exports.start()
        for service in self.host:
            service.open(threads, when_stuck, mover)

    @property
    def busy(self) -> bool:
        """Whether a call that came now would have to wait."""
        return any(service.busy for service in self.host)

    def drain(self) -> None:
        """Say no to readiness, finish what was taken in."""
        for service in self.host:
            service.drain()

    def refuse_waiting(self, why: str) -> None:
        """Let no call start any more."""
        for service in self.host:
            service.refuse_waiting(why)

    def shutdown(self) -> None:
        """Run shutdown() of every service, and send the last spans and log lines; on the thread that scored."""
        for service in self.host:
            service.shutdown()
        self.close()

    def close(self) -> None:
        """Write what is kept, and send the last spans and log lines; all that is done if shutdown() cannot be run."""
        for close in self.closings:
            close()
