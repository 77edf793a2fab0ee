"""The composition root: from Settings to a host with its HttpApp. Alone knows every concrete class."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from scoringhost import runtimes
from scoringhost._version import __version__
from scoringhost.access.made import guards_of
from scoringhost.dialects.azureml import AzureMl
from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.dialects.custom_handlers import handlers_of
from scoringhost.dialects.docs import Docs, sample_of
from scoringhost.dialects.explaining import Explanations
from scoringhost.dialects.mlflow_words import MlflowWords, UnreadyMlflow
from scoringhost.dialects.oip.data_plane import sample_call
from scoringhost.dialects.oip.made import model_of, oip_dialects
from scoringhost.dialects.oip.rest import Oip
from scoringhost.dialects.oip.unready import UnreadyModel
from scoringhost.dialects.oip.words import OipWords
from scoringhost.dialects.unready import Unready
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
from scoringhost.runtimes import mlflow_models
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.openapi import OpenApiVersion, ServiceInfo, document, own_documents
from scoringhost.schema.openapi_corrections import corrected
from scoringhost.script.declaring import declarations_of
from scoringhost.script.description import Description, describe
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
    version = server_version(settings)
    nan, max_body = NanPolicy(settings.nan), settings.max_body_mb * MIB
    dialects: list[Dialect] = [AzureMl(host, documents, nan, max_body, settings.open_docs, server_version=version)]
    dialects += _mlflow_dialects(settings, host, version)
    dialects += _explanations(settings, host, version)
    cors = cors_of(settings)
    for entry in cors.bare_hosts():
        advice = f"CORS origin {entry!r} has no scheme, so no browser's origin equals it; write https://{entry}"
        observer.noticed(service.name, advice)
    dialects += _other_dialects(settings, world, host, service, documents, said)
    if behind_grpc:
        dialects += _fronted_grpc(settings, service, observer)
    dialects += handlers_of(service, max_body, dialects)
    metrics_app = None
    if metrics is not None:
        exposition = Exposition(metrics, telemetry.script_metrics)
        if settings.metrics_port:
            metrics_app = http_app(settings, exposition.endpoints(is_open=True))
        else:
            dialects.append(OtherEndpoints(exposition.endpoints(), server_version=version))
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
    grpc_app = of_all(_grpc_dialects(settings, service), Cors(None)) if settings.grpc_port else None
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


def _mlflow_dialects(settings: Settings, host: Host, version: str) -> list[Dialect]:
    """MLflow's own protocol, where a model folder of MLflow is served."""
    scoring = mlflow_models.scoring_of(host.resolve().script)
    if scoring is None:
        return []
    from scoringhost.dialects.mlflow import MlflowServer  # what it needs is not loaded for others

    nan, max_body = NanPolicy(settings.nan), settings.max_body_mb * MIB
    return [MlflowServer(host, scoring, nan, max_body, server_version=version)]


def _explanations(settings: Settings, host: Host, version: str) -> list[Dialect]:
    """What the script's explain() answers, if it has one."""
    if host.resolve().explaining_takes is None:
        return []
    return [Explanations(host, NanPolicy(settings.nan), settings.max_body_mb * MIB, server_version=version)]


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


def _other_dialects(
    settings: Settings,
    world: ScriptWorld,
    host: Host,
    service: Service,
    documents: Mapping[OpenApiVersion, JsonValue],
    said: Description,
) -> list[Dialect]:
    """The page at /docs, and the Open Inference Protocol, if they are served."""
    found: list[Dialect] = []
    model, sample = model_of(settings, service), partial(_sample, said, documents)
    if settings.docs:
        page = Docs(
            host,
            said,
            documents,
            settings.service_name,
            settings.service_version,
            world.model_dir if settings.debug else None,
            settings.open_docs,
            (lambda: sample_call(model, sample())) if settings.v2 else (lambda: None),
            server_version=server_version(settings),
        )
        found.append(page)
    if settings.v2:
        found += oip_dialects(model, settings, sample)
    return found


def _grpc_dialects(settings: Settings, service: Service) -> list[Dialect]:
    """The Open Inference Protocol as gRPC says it."""
    from scoringhost.dialects.oip_grpc.dialect import OipGrpc  # it needs protobuf, which comes with an extra

    return [OipGrpc(model_of(settings, service))]


def _fronted_grpc(settings: Settings, service: Service, observer: LogObserver) -> list[Dialect]:
    """The same for the front of a fleet; nothing in an environment of the service's own that has no protobuf."""
    try:
        from scoringhost.dialects.oip_grpc.fronted import FrontedGrpc
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] != "google":
            raise
        observer.noticed(service.name, "no calls over gRPC are answered: protobuf is not installed here")
        return []
    return [FrontedGrpc(model_of(settings, service))]


def _sample(said: Description, documents: Mapping[OpenApiVersion, JsonValue]) -> JsonValue:
    """The input that the script, or a document of the user's own, shows as an example; None if none does."""
    return sample_of(documents) if said.sample is None else said.sample


GRPC = "grpc"
DIALECTS = (AzureMl.name, Docs.name, OipWords.name, MlflowWords.name, GRPC)
"""Whose requests are counted apart."""


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
    version = server_version(settings)
    words = Unready(error, server_version=version), UnreadyModel(error), UnreadyMlflow(error, server_version=version)
    return _http_app(settings, *words)


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


def server_version(settings: HttpSettings) -> str:
    """What x-ms-server-version says; empty for no such header."""
    return f"scoringhost/{__version__}" if settings.server_version_header else settings.server_version_text or ""


def api_documents(settings: Settings, service: Service, said: Description) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents by version, from what the script says; the user's own files in the app root win."""
    name, version, prefix = settings.service_name, settings.service_version, settings.document_prefix
    recorded = service.declarations.schemas
    info = ServiceInfo(name, version, prefix, said.text)
    asks_for_key = any((settings.primary_key, settings.secondary_key, settings.keys_file, settings.token_keys))
    made: dict[OpenApiVersion, JsonValue] = {}
    for kind in recorded.versions:
        if settings.document_as_azmlinfsrv:
            words = recorded.said_in(kind)
            made[kind] = document(kind, info, words.input, words.output, words.definitions)
        else:
            words = dataclasses.replace(recorded, input=said.input, output=said.output).said_in(kind)
            plain = document(kind, info, words.input, words.output, words.definitions)
            made[kind] = corrected(plain, kind, said.summary, asks_for_key=asks_for_key, streams=said.streams)
    return {**made, **own_documents(Path(settings.app_root or "."))}


def description_of(service: Service) -> Description:
    """What the script of a service says about its run()."""
    return describe(service.script.path, service.script.run, service.declarations, service.signature)
