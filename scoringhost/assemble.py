"""The composition root: from Settings to a host with its HttpApp. Alone knows every concrete class."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from scoringhost import runtimes
from scoringhost.access.made import guards_of
from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.dialects.custom_handlers import handlers_of
from scoringhost.dialects.made import (
    DIALECTS,
    api_documents,
    description_of,
    dialects_of,
    fronted_grpc,
    grpc_dialects,
    server_version,
    unready_dialects,
)
from scoringhost.dialects.oip.made import model_of
from scoringhost.dialects.oip.rest import Oip
from scoringhost.engine.site import Site
from scoringhost.errors import ScoringHostError
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.dialect import Dialect
from scoringhost.http.guards import Guard
from scoringhost.http.routes import HEALTH_PATHS, Endpoint
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.host import Host
from scoringhost.kernel.limits import Limits
from scoringhost.kernel.service import Service
from scoringhost.recording.made import keepers_of
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.openapi import OpenApiVersion
from scoringhost.script.declaring import declarations_of
from scoringhost.script.stand_ins import collectors
from scoringhost.script.startup_hints import of_hidden_packages
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import HttpSettings, ServiceSettings, Settings, require_known
from scoringhost.telemetry import json_lines, logs, script_output, worker_logs
from scoringhost.telemetry.exposition import Exposition
from scoringhost.telemetry.log_observer import LogObserver
from scoringhost.telemetry.parts import Telemetry, telemetry_of

KIB, MIB = 1024, 1024 * 1024
T = TypeVar("T")


def settings_of(script: str | None, environ: Mapping[str, str], given: Mapping[str, object]) -> Settings:
    """The settings of a host inside another program: `given` are fields of Settings, which beat the environment.

    Raises:
        TypeError: if there is no setting of that name.
        SettingsError: if a setting cannot be used.
    """
    require_known(given)
    flags: dict[str, tuple[str, object]] = {name: (name, value) for name, value in given.items()}
    if script is not None:
        flags["script"] = ("script", script)
    return Settings.load(environ, flags, Path.cwd())[0]


def prepare_process(
    settings: Settings,
    environ: MutableMapping[str, str],
    warnings: list[str],
    *,
    joins: bool = False,
    arguments: Sequence[str] | None = None,
) -> ScriptWorld:
    """What a process needs that serves one script for good: logging, stdout, and the script's world, entered.

    joins: logging has been set up by somebody else, whose handlers are to be used.
    arguments: the script's command line, if it is to have one.
    """
    world = world_of(settings, arguments)
    configure = worker_logs.configure if joins else logs.configure
    warnings = warnings + configure(settings.log_level, world.script_folder, world.folders, _log_format(settings))
    script_output.capture()
    if settings.script is not None:
        warnings += of_hidden_packages(Path(settings.script))
        warnings += runtimes.cautions(Path(settings.script), settings.framework)
    for message in warnings:
        logging.getLogger(logs.HOST_LOGGER).warning("%s", message)
    world.enter(environ)
    return world


def world_of(settings: Settings, arguments: Sequence[str] | None = None) -> ScriptWorld:
    """The world of what is served, an entry script or a model; nothing is changed yet."""
    return ScriptWorld(settings, arguments, runtimes.load)


def _log_format(settings: Settings) -> logs.LogFormat:
    if settings.log_format == "json":
        return json_lines.JsonLog(settings.service_name, settings.service_version)
    return logs.TEXT


def build(
    settings: Settings,
    observer: LogObserver | None = None,
    world: ScriptWorld | None = None,
    shared: SharedParts | None = None,
    *,
    behind_grpc: bool = False,
) -> Site:
    """Load the entry script and put the host together; init() is not run yet.

    observer: told of everything that happens, in place of the log. world: the script's, which has been
    entered and will be left; not needed where the process serves this script for good. shared: what the
    processes of a server have in common, if this is one of them. behind_grpc: a front hands on calls over gRPC.

    Raises:
        StartupError: if the script cannot be served.
    """
    observer = observer or LogObserver(settings.given_name)
    world = world or world_of(settings)
    try:
        return _site(settings, world, observer, shared or shared_parts(settings), behind_grpc=behind_grpc)
    except BaseException:
        world.unload()
        raise


def _site(
    settings: Settings, world: ScriptWorld, observer: LogObserver, shared: SharedParts, *, behind_grpc: bool
) -> Site:
    telemetry = shared.telemetry
    metrics = telemetry.metrics
    if metrics is not None:
        metrics.begin_loading()
    service = _load_service(settings, world, observer)
    host = Host()
    host.add(service)
    said = description_of(service)
    documents = api_documents(settings, service, said)
    max_body = settings.max_body_mb * MIB
    dialects = dialects_of(settings, host, documents, said, world.model_dir)
    cors = cors_of(settings)
    for entry in cors.bare_hosts():
        advice = f"CORS origin {entry!r} has no scheme, so no browser's origin equals it; write https://{entry}"
        observer.noticed(service.name, advice)
    if behind_grpc:
        dialects += fronted_grpc(settings, service, observer)
    dialects += handlers_of(service, max_body, dialects)
    metrics_app = None
    if metrics is not None:
        exposition = Exposition(metrics, telemetry.script_metrics)
        if settings.metrics_port:
            metrics_app = http_app(settings, exposition.endpoints(is_open=True))
        else:
            dialects.append(OtherEndpoints(exposition.endpoints(), server_version=server_version(settings)))
    collection, recorder = keepers_of(settings, service.script.module, None if metrics is None else metrics.count_kept)
    keepers = [one for one in (collection, recorder) if one is not None]
    of_all = partial(
        HttpApp,
        observers=[observer, *telemetry.observers, *keepers],
        guards=shared.guards,
        watchers=telemetry.watchers,
        server_timing=settings.server_timing,
        debug=settings.debug,
        kept_of_streams=settings.keep_body_kb * KIB if keepers else 0,
    )
    app = of_all(dialects, cors)
    grpc_app = of_all(grpc_dialects(settings, service), Cors(None)) if settings.grpc_port else None
    closings: list[Callable[[], object]] = [one.close for one in keepers]
    if collection is not None:
        closings.append(collectors.keep_with(service.script.path, collection.collect))
    if telemetry.exports is not None:
        closings.append(telemetry.exports.stop)
    probes = _probes(dialects)
    return Site(
        host,
        app,
        max_body,
        settings.threads,
        world.model_dir,
        metrics,
        metrics_app,
        _health_app(settings, probes),
        grpc_app,
        tuple(probes),
        (model_of(settings, service).name,),
        telemetry.exports,
        closings,
    )


@dataclass(frozen=True, slots=True)
class SharedParts:
    """What is made once, before a server forks its workers, since they count in it together."""

    guards: Sequence[Guard]
    telemetry: Telemetry


def shared_parts(settings: Settings, environ: MutableMapping[str, str] | None = None) -> SharedParts:
    """Guards and telemetry, as the settings want them. environ: of the process that is to fork workers.

    Raises:
        StartupError: if a setting cannot be used, a key file cannot be read, or a package is missing.
    """
    return SharedParts(guards_of(settings), telemetry_of(settings, DIALECTS, environ))


def _probes(dialects: Sequence[Dialect]) -> dict[str, Endpoint]:
    """What is asked about health, of Azure ML's dialect, which is the first, and of the Open Inference Protocol."""
    offered = dialects[0].endpoints()
    found = {path: offered[path] for path in HEALTH_PATHS}
    for dialect in dialects:
        if isinstance(dialect, Oip):
            found.update(dialect.probes())
    return found


def _health_app(settings: Settings, probes: Mapping[str, Endpoint]) -> HttpApp | None:
    """What answers on the health port where the main port is secured, so that nothing else is said in plain text."""
    if settings.tls_certificate is None:
        return None
    return http_app(settings, probes)


def cors_of(settings: HttpSettings) -> Cors:
    """Which origins browsers may call from."""
    return Cors(settings.cors_origins, as_azmlinfsrv=settings.cors_as_azmlinfsrv)


def stand_in(settings: HttpSettings, error: ScoringHostError) -> HttpApp:
    """What answers every request with an error while there is no service, or if there can be none."""
    return _http_app(settings, *unready_dialects(settings, error))


def http_app(settings: HttpSettings, endpoints: Mapping[str, Endpoint]) -> HttpApp:
    """HTTP as the settings want it over some endpoints: request ids, CORS, errors, the log."""
    return _http_app(settings, OtherEndpoints(endpoints, server_version=server_version(settings)))


def _http_app(settings: HttpSettings, *dialects: Dialect) -> HttpApp:
    return HttpApp(dialects, cors_of(settings), [LogObserver()], debug=settings.debug)


def _load_service(settings: ServiceSettings, world: ScriptWorld, observer: LogObserver) -> Service:
    script = world.load()
    batch = BatchPolicy(settings.max_batch_size, settings.max_batch_wait_ms / 1000)
    refuses = None if settings.unknown_keys is None else settings.unknown_keys == "refuse"
    limits = Limits(
        settings.threads,
        settings.max_waiting,
        settings.max_concurrent_requests,
        settings.max_request_wait_ms / 1000 if settings.max_request_wait_ms else None,
        settings.limit_s,
        batch,
        refuses,
    )
    return Service(script, declarations=declarations_of, limits=limits, observer=observer)


def load_documents(settings: Settings, world: ScriptWorld) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents of the entry script by version, without running its init(). Its world has been entered.

    Raises:
        StartupError: if the script cannot be served.
    """
    service = _load_service(settings, world, LogObserver())
    return api_documents(settings, service, description_of(service))
