"""The parts of a front as the settings want them."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoringhost._version import __version__
from scoringhost.access.forwarded import Proxies
from scoringhost.access.made import guards_of
from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.dialects.oip.repository import RepositoryEndpoints
from scoringhost.errors import SettingsError
from scoringhost.fleet.front.directory import Directory
from scoringhost.fleet.front.front_app import FrontApp, FrontRoutes
from scoringhost.fleet.front.memory import Counts, FrontMemory
from scoringhost.fleet.front.pages import FrontPages, FrontV2, Health, ServicePaths, ServiceV2Paths
from scoringhost.fleet.front.repository import ChannelRepository
from scoringhost.fleet.front.scraping import FleetMetrics
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.dialect import Dialect
from scoringhost.settings import Settings
from scoringhost.telemetry.exposition import require_prometheus
from scoringhost.telemetry.log_observer import LogObserver
from scoringhost.telemetry.parts import Telemetry, telemetry_of

if TYPE_CHECKING:
    from scoringhost.fleet.front.grpc_port import FrontGrpcPort


@dataclass(frozen=True, slots=True)
class FrontParts:
    """What a front is made of.

    metrics_app: for a port of its own; health_app: the same, where the main port is TLS. grpc_port: makes the port for
    gRPC out of its listening sockets.
    """

    app: FrontApp
    health: Health
    counts: Counts
    telemetry: Telemetry
    metrics_app: HttpApp | None
    health_app: HttpApp | None
    grpc_port: Callable[[Sequence[socket.socket]], FrontGrpcPort]


def front_parts(
    settings: Settings, directory: Directory, memory: FrontMemory, repository: ChannelRepository
) -> FrontParts:
    """Put a front together.

    Raises:
        StartupError: if a setting cannot be used, a key file cannot be read, or a package is missing.
    """
    version = f"scoringhost/{__version__}" if settings.server_version_header else settings.server_version_text or ""
    health, counts = Health(lambda: directory.table), Counts(memory)
    observer, cors = LogObserver(), Cors(settings.cors_origins, as_azmlinfsrv=settings.cors_as_azmlinfsrv)
    documents = settings.open_docs
    dialects: list[Dialect] = [
        FrontPages(lambda: directory.table, health, documents or not _asks_for_key(settings), server_version=version),
        FrontV2(health, documents),
        RepositoryEndpoints(repository),
        ServiceV2Paths(documents),
        ServicePaths(documents, server_version=version),
    ]
    metrics_app = None
    if settings.metrics or settings.metrics_port:
        require_prometheus()
        metrics = FleetMetrics(directory, memory, repository.copies)
        if settings.metrics_port:
            alone = OtherEndpoints(metrics.endpoints(is_open=True), server_version=version)
            metrics_app = HttpApp([alone], cors, [observer], debug=settings.debug)
        else:
            dialects.append(OtherEndpoints(metrics.endpoints(), server_version=version))
    # Replicas count their own requests, and their log says what the stages took: only traces begin here.
    telemetry = telemetry_of(
        dataclasses.replace(settings, metrics=False, metrics_port=None, server_timing=False, log_format="text"), ()
    )
    guards = guards_of(settings, memory.rate_table())
    app = FrontApp(
        dialects,
        cors,
        [observer, *telemetry.observers],
        directory=directory,
        counts=counts,
        guards=guards,
        watchers=telemetry.watchers,
        proxies=_proxies(settings),
        debug=settings.debug,
    )
    pages = dialects[0].endpoints(), dialects[1].endpoints()
    probes = {path: one for table in pages for path, one in table.items() if one.is_open and not one.logged}
    secured = settings.tls_certificate is not None
    alone = OtherEndpoints(probes, server_version=version)
    health_app = HttpApp([alone], cors, [observer], debug=settings.debug) if secured else None

    def grpc_port(listeners: Sequence[socket.socket]) -> FrontGrpcPort:
        # What it needs is only loaded where it is wanted.
        from scoringhost.fleet.front.grpc_port import FrontGrpcPort

        def make_app(dialects: Sequence[Dialect], log: LogObserver) -> HttpApp:
            observers = [log, *telemetry.observers]
            return HttpApp(
                dialects, Cors(None), observers, guards=guards, watchers=telemetry.watchers, debug=settings.debug
            )

        routes = FrontRoutes(directory, counts, app.proxies)
        return FrontGrpcPort(settings, listeners, routes, health, repository, make_app)

    return FrontParts(app, health, counts, telemetry, metrics_app, health_app, grpc_port)


def _asks_for_key(settings: Settings) -> bool:
    return any((settings.primary_key, settings.secondary_key, settings.keys_file, settings.token_keys))


def _proxies(settings: Settings) -> Proxies | None:
    if not settings.trusted_proxies:
        return None
    try:
        return Proxies(settings.trusted_proxies)
    except ValueError as problem:
        raise SettingsError("trusted_proxies", settings.trusted_proxies, str(problem)) from None
