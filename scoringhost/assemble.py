"""The composition root: from Settings to a host with its HttpApp. Alone knows every concrete class."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

from scoringhost._version import __version__
from scoringhost.dialects.azureml import AzureMl
from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.dialects.docs import Docs
from scoringhost.dialects.unready import Unready
from scoringhost.engine.site import Site
from scoringhost.errors import ScoringHostError
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.dialect import Dialect
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.batching import BatchPolicy
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Limits, Service
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.openapi import OpenApiVersion, ServiceInfo, document, own_documents
from scoringhost.schema.openapi_corrections import corrected
from scoringhost.script.azureml_names import declarations_of
from scoringhost.script.description import Description, describe
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import SPECS, HttpSettings, ServiceSettings, Settings
from scoringhost.telemetry import logs, script_output, worker_logs
from scoringhost.telemetry.log_observer import LogObserver

MIB = 1024 * 1024


def settings_of(script: str | None, environ: Mapping[str, str], given: Mapping[str, object]) -> Settings:
    """The settings of a host inside another program: `given` are fields of Settings, which beat the environment.

    Raises:
        TypeError: if there is no setting of that name.
        SettingsError: if a setting cannot be used.
    """
    unknown = sorted(set(given) - set(SPECS))
    if unknown:
        raise TypeError(f"scoringhost knows no setting {', '.join(unknown)}")
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
    world = ScriptWorld(settings, arguments)
    configure = worker_logs.configure if joins else logs.configure
    warnings = warnings + configure(settings.log_level, world.script_folder, world.folders)
    script_output.capture()
    for message in warnings:
        logging.getLogger(logs.HOST_LOGGER).warning("%s", message)
    world.enter(environ)
    return world


def build(settings: Settings, observer: LogObserver | None = None, world: ScriptWorld | None = None) -> Site:
    """Load the entry script and put the host together; init() is not run yet.

    observer: told of everything that happens, in place of the log. world: the script's, which has been
    entered and will be left; not needed where the process serves this script for good.

    Raises:
        StartupError: if the script cannot be served.
    """
    observer = observer or LogObserver()
    world = world or ScriptWorld(settings)
    try:
        return _site(settings, world, observer)
    except BaseException:
        world.unload()
        raise


def _site(settings: Settings, world: ScriptWorld, observer: LogObserver) -> Site:
    service = _load_service(settings, world, observer)
    host = Host()
    host.add(service)
    documents = api_documents(settings, service)
    version = server_version(settings)
    nan, max_body = NanPolicy(settings.nan), settings.max_body_mb * MIB
    dialects: list[Dialect] = [AzureMl(host, documents, nan, max_body, server_version=version)]
    cors = cors_of(settings)
    for entry in cors.bare_hosts():
        advice = f"CORS origin {entry!r} has no scheme, so no browser's origin equals it; write https://{entry}"
        observer.noticed(service.name, advice)
    if settings.docs:
        name, shown_dir = settings.service_name, world.model_dir if settings.debug else None
        said = description_of(service)
        page = Docs(host, said, documents, name, settings.service_version, shown_dir, server_version=version)
        dialects.append(page)
    app = HttpApp(dialects, cors, [observer], debug=settings.debug)
    return Site(host, app, max_body, settings.threads, world.model_dir)


def cors_of(settings: HttpSettings) -> Cors:
    """Which origins browsers may call from."""
    return Cors(settings.cors_origins, as_azmlinfsrv=settings.cors_as_azmlinfsrv)


def stand_in(settings: HttpSettings, error: ScoringHostError) -> HttpApp:
    """What answers every request with an error while there is no service, or if there can be none."""
    return _http_app(settings, Unready(error, server_version=server_version(settings)))


def http_app(settings: HttpSettings, endpoints: Mapping[str, Endpoint]) -> HttpApp:
    """HTTP as the settings want it over some endpoints: request ids, CORS, errors, the log."""
    return _http_app(settings, OtherEndpoints(endpoints, server_version=server_version(settings)))


def _http_app(settings: HttpSettings, dialect: Dialect) -> HttpApp:
    return HttpApp([dialect], cors_of(settings), [LogObserver()], debug=settings.debug)


def _load_service(settings: ServiceSettings, world: ScriptWorld, observer: LogObserver) -> Service:
    script = world.load()
    batch = BatchPolicy(settings.max_batch_size, settings.max_batch_wait_ms / 1000)
    limits = Limits(settings.threads, settings.max_waiting, settings.limit_s, batch)
    return Service(script, declarations=declarations_of, limits=limits, observer=observer)


def load_documents(settings: Settings, world: ScriptWorld) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents of the entry script by version, without running its init(). Its world has been entered.

    Raises:
        StartupError: if the script cannot be served.
    """
    return api_documents(settings, _load_service(settings, world, LogObserver()))


def server_version(settings: HttpSettings) -> str:
    """What x-ms-server-version says; empty for no such header."""
    return f"scoringhost/{__version__}" if settings.server_version_header else settings.server_version_text or ""


def api_documents(settings: Settings, service: Service) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents by version; the user's own files in the app root win."""
    name, version, prefix = settings.service_name, settings.service_version, settings.document_prefix
    said, recorded = description_of(service), service.declarations.schemas
    info = ServiceInfo(name, version, prefix, said.text)
    made: dict[OpenApiVersion, JsonValue] = {}
    for kind in recorded.versions:
        if settings.document_as_azmlinfsrv:
            made[kind] = document(kind, info, recorded.input, recorded.output)
        else:
            made[kind] = corrected(document(kind, info, said.input, said.output), kind, said.summary)
    return {**made, **own_documents(Path(settings.app_root or "."))}


def description_of(service: Service) -> Description:
    """What the script of a service says about its run()."""
    return describe(service.script.path, service.script.run, service.declarations, service.signature)
