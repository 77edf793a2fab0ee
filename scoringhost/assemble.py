"""The composition root: from Settings to a host with its HttpApp. Alone knows every concrete class."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from scoringhost._version import __version__
from scoringhost.dialects.azureml import AzureMl
from scoringhost.dialects.docs import Docs
from scoringhost.dialects.unready import Unready
from scoringhost.engine.site import Site
from scoringhost.errors import ScoringHostError, SettingsError
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.routes import Endpoint, Routes
from scoringhost.kernel.batching import BatchPolicy
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Limits, Service
from scoringhost.process.environment import Loan, lend
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.openapi import OpenApiVersion, ServiceInfo, document, own_documents
from scoringhost.script.azureml_names import declarations_of, install_import_shims
from scoringhost.script.imports import make_importable
from scoringhost.script.loading import EntryScript, require_file
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


def script_path(settings: ServiceSettings) -> Path:
    """The entry script.

    Raises:
        SettingsError: if none is given.
        ScriptNotFound: if it is not there.
    """
    if settings.script is None:
        why = (
            "name an entry script: scoringhost serve score.py, --entry_script, AZUREML_ENTRY_SCRIPT, or the same name "
            f"in the configuration file (--config_file); there is no main.py in {settings.app_root}, either"
        )
        raise SettingsError("script", None, why)
    path = Path(settings.script)
    require_file(path)
    return path


def prepare_process(
    settings: Settings, environ: MutableMapping[str, str], warnings: list[str], *, joins: bool = False
) -> None:
    """What belongs to the process and not to the host: logging, stdout, the script's environment.

    joins: logging has been set up by somebody else, whose handlers are to be used.
    """
    script = Path(settings.script) if settings.script else None
    folders = [Path(settings.app_root or ".")] + ([script.parent] if script else [])
    configure = worker_logs.configure if joins else logs.configure
    warnings = warnings + configure(settings.log_level, script, folders)
    script_output.capture()
    for message in warnings:
        logging.getLogger(logs.HOST_LOGGER).warning("%s", message)
    prepare_script(settings, environ)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a process holds ready for one entry script, beside the script's own folder."""

    environment: Loan
    folders: tuple[Callable[[], None], ...]

    def undo(self) -> None:
        """Take back what nobody else needs and nobody else has changed."""
        self.environment.take_back()
        for release in reversed(self.folders):
            release()


def prepare_script(settings: Settings, environ: MutableMapping[str, str]) -> Prepared:
    """The import path, the environment and the import shims that an entry script relies on."""
    environment = lend(environ, settings.script_environment())
    app_root = Path(settings.app_root or ".")
    folders = [app_root] + ([app_root / settings.source_directory] if settings.source_directory else [])
    install_import_shims()
    return Prepared(environment, tuple(make_importable(folder, last=True) for folder in folders))


def build(settings: Settings, observer: LogObserver | None = None) -> Site:
    """Load the entry script and put the host together; init() is not run yet.

    observer: told of everything that happens, in place of the log.

    Raises:
        StartupError: if the script cannot be served.
    """
    observer = observer or LogObserver()
    service = _load_service(settings.service, observer)
    try:
        return _site(settings, service, observer)
    except BaseException:
        service.script.unload()
        raise


def _site(settings: Settings, service: Service, observer: LogObserver) -> Site:
    host = Host()
    host.add(service)
    documents = api_documents(settings, service)
    dialect = AzureMl(host, documents, NanPolicy(settings.nan), settings.max_body_mb * MIB)
    model_dir = Path(settings.model_dir) if settings.model_dir else None
    cors = cors_of(settings)
    for entry in cors.bare_hosts():
        advice = f"CORS origin {entry!r} has no scheme, so no browser's origin equals it; write https://{entry}"
        observer.noticed(service.name, advice)
    endpoints = dialect.endpoints()
    if settings.docs:
        server = server_version(settings)
        page = Docs(host, documents, settings.service_name, settings.service_version, server, model_dir)
        endpoints |= page.endpoints()
    app = HttpApp(Routes(endpoints), cors, [observer], server_version(settings), settings.debug)
    return Site(host, app, settings.max_body_mb * MIB, settings.threads, model_dir)


def cors_of(settings: HttpSettings) -> Cors:
    """Which origins browsers may call from."""
    return Cors(settings.cors_origins, as_azmlinfsrv=settings.cors_as_azmlinfsrv)


def stand_in(settings: HttpSettings, error: ScoringHostError) -> HttpApp:
    """What answers every request with an error while there is no service, or if there can be none."""
    return http_app(settings, Unready(error).endpoints())


def http_app(settings: HttpSettings, endpoints: Mapping[str, Endpoint]) -> HttpApp:
    """HTTP as the settings want it over some endpoints: request ids, CORS, errors, the log."""
    return HttpApp(Routes(endpoints), cors_of(settings), [LogObserver()], server_version(settings), settings.debug)


def _load_service(settings: ServiceSettings, observer: LogObserver) -> Service:
    script = EntryScript.load(script_path(settings))
    batch = BatchPolicy(settings.max_batch_size, settings.max_batch_wait_ms / 1000)
    limits = Limits(settings.threads, settings.max_waiting, settings.limit_s, batch)
    try:
        return Service(script, declarations=declarations_of, limits=limits, observer=observer)
    except BaseException:
        script.unload()
        raise


def load_documents(settings: Settings) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents of the entry script by version, without running its init().

    Raises:
        StartupError: if the script cannot be served.
    """
    return api_documents(settings, _load_service(settings.service, LogObserver()))


def server_version(settings: HttpSettings) -> str:
    """What x-ms-server-version says; empty for no such header."""
    return f"scoringhost/{__version__}" if settings.server_version_header else settings.server_version_text or ""


def api_documents(settings: Settings, service: Service) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents by version; the user's own files in the app root win."""
    info = ServiceInfo(settings.service_name, settings.service_version, settings.document_prefix)
    schemas = service.declarations.schemas
    made = {version: document(version, info, schemas.input, schemas.output) for version in schemas.versions}
    return {**made, **own_documents(Path(settings.app_root or "."))}
