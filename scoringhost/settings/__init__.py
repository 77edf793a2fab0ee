"""Settings: every setting once, with its flag, its environment names and where its value came from.

This is the only module that reads the environment or a configuration file; both are arguments of
`Settings.load`, so that tests pass a dict. Flag beats environment beats file beats default; among
environment names the `SCORINGHOST_*` one beats the Azure ML one.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from scoringhost.errors import SettingsError
from scoringhost.process.environment import users_own

PREFIX = "SCORINGHOST_"
POSITIVE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
PORT = click.IntRange(1, 65535)


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """How one setting is given: click type, flags, Azure ML names, and one line of help."""

    type: click.ParamType[Any]
    help: str
    flags: tuple[str, ...] = ()
    azure: tuple[str, ...] = ()


def _setting(default: Any, type: click.ParamType[Any], help: str, *flags: str, azure: tuple[str, ...] = ()) -> Any:
    return dataclasses.field(default=default, metadata={"spec": Spec(type, help, flags, azure)})


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a host. Times end in their unit; None means: not set."""

    script: str | None = _setting(
        None, click.STRING, "Entry script, or a folder that holds score.py.",
        "--entry-script", "--entry_script", azure=("AZUREML_ENTRY_SCRIPT",),
    )  # fmt: skip
    model_dir: str | None = _setting(
        None, click.STRING, "Model folder; the script finds it in AZUREML_MODEL_DIR.",
        "--model-dir", "--model_dir", azure=("AZUREML_MODEL_DIR",),
    )  # fmt: skip
    config_file: str | None = _setting(
        None, click.STRING, "JSON file with settings.",
        "--config-file", "--config_file", azure=("AZUREML_CONFIG_FILE",),
    )  # fmt: skip
    host: str = _setting("0.0.0.0", click.STRING, "Address to listen on.", "--host")
    port: int = _setting(5001, PORT, "Port to listen on.", "--port", azure=("SERVER_PORT",))
    health_port: int | None = _setting(
        None, PORT, "A second port, for health probes.", "--health-port", "--health_port", azure=("HEALTH_PORT",)
    )
    separate_health_endpoint: bool = _setting(
        False, click.BOOL, "Listen on the health port too (5000 if none is given).",
        "--separate-health-endpoint",
        azure=("SEPERATE_HEALTH_ENDPOINT", "SEPARATE_HEALTH_ENDPOINT"),
    )  # fmt: skip
    workers: int = _setting(
        1, POSITIVE, "Worker processes; each runs init() once.",
        "--workers", "--worker-count", "--worker_count", azure=("WORKER_COUNT",),
    )  # fmt: skip
    threads: int = _setting(1, POSITIVE, "Calls of run() at once in each worker.", "--threads")
    preload: bool = _setting(
        False, click.BOOL, "Run init() once, before the workers are forked.", "--preload", azure=("WORKER_PRELOAD",)
    )
    scoring_timeout_ms: int = _setting(
        3_600_000, NOT_NEGATIVE, "Milliseconds that one run() may take; 0: no limit.",
        "--scoring-timeout-ms", azure=("SCORING_TIMEOUT_MS",),
    )  # fmt: skip
    worker_timeout_s: int | None = _setting(
        None, POSITIVE, "Seconds after which a worker that is stuck is replaced.",
        "--worker-timeout-s", azure=("WORKER_TIMEOUT",),
    )  # fmt: skip
    drain_timeout_s: int = _setting(
        20, POSITIVE, "Seconds that running requests have to end after SIGTERM.", "--drain-timeout-s"
    )
    keep_alive_s: int = _setting(75, POSITIVE, "Seconds an idle connection is kept open.", "--keep-alive-s")
    max_body_mb: int = _setting(100, POSITIVE, "Largest request body, in MiB, unpacked.", "--max-body-mb")
    max_bodies_mb: int = _setting(
        1024, NOT_NEGATIVE, "MiB of request bodies that a worker may hold at once; one more is a 503. 0: no limit.",
        "--max-bodies-mb",
    )  # fmt: skip
    head_timeout_s: int = _setting(
        20, POSITIVE, "Seconds that the head of a request may take to arrive.", "--head-timeout-s"
    )
    min_upload_bytes_per_s: int = _setting(
        240, NOT_NEGATIVE, "Bytes of a body that must arrive each second, over ten seconds; 0: no minimum.",
        "--min-upload-bytes-per-s",
    )  # fmt: skip
    write_timeout_s: int = _setting(
        30, POSITIVE, "Seconds that a client may leave what was sent to it unread.", "--write-timeout-s"
    )
    max_waiting: int = _setting(
        1000, NOT_NEGATIVE, "Calls that may wait for run() in each worker; one more is a 503.", "--max-waiting"
    )
    max_batch_size: int = _setting(
        0, NOT_NEGATIVE, "Rows that waiting calls are joined up to for one run(); 0: no batching.", "--max-batch-size"
    )
    max_batch_wait_ms: int = _setting(
        5, NOT_NEGATIVE, "Milliseconds that a batch may wait for the callers of the one before.", "--max-batch-wait-ms"
    )
    cors_origins: str | None = _setting(
        None, click.STRING, "Origins that browsers may call from, separated by commas; * for all.",
        "--cors-origins", "--access_control_allow_origins", azure=("AML_CORS_ORIGINS",),
    )  # fmt: skip
    service_name: str = _setting(
        "ML service", click.STRING, "Name in the API document.", "--service-name", azure=("SERVICE_NAME",)
    )
    service_version: str = _setting(
        "1.0", click.STRING, "Version in the API document.", "--service-version", azure=("SERVICE_VERSION",)
    )
    service_path_prefix: str = _setting(
        "", click.STRING, "Prefix of the paths in the API document.",
        "--service-path-prefix", azure=("SERVICE_PATH_PREFIX",),
    )  # fmt: skip
    nan: str = _setting(
        "null", click.Choice(["null", "literal"]), "NaN and infinities in results: null, or the literals.", "--nan"
    )
    log_level: str | None = _setting(
        None, click.STRING, "Level of every logger: DEBUG, INFO, WARNING, ERROR.",
        "--log-level", azure=("AZUREML_LOG_LEVEL",),
    )  # fmt: skip
    debug: bool = _setting(False, click.BOOL, "Put tracebacks into error replies.", "--debug")
    debug_port: int | None = _setting(
        None, PORT, "Let a debugger (debugpy) attach at this port of the machine itself.", "--debug-port"
    )
    debug_wait: bool = _setting(False, click.BOOL, "Wait for the debugger before the script is loaded.", "--debug-wait")
    reload: bool = _setting(
        False, click.BOOL, "Load the script anew when it, its folder or the model folder changes.", "--reload"
    )
    docs: bool = _setting(True, click.BOOL, "Serve a page to try the service at /docs.", "--docs")
    app_root: str | None = _setting(
        None, click.STRING, "Folder put on sys.path; the working directory if not set.",
        "--app-root", azure=("AML_APP_ROOT",),
    )  # fmt: skip
    source_directory: str | None = _setting(
        None, click.STRING, "Folder below the app root put on sys.path.",
        "--source-directory", azure=("AZUREML_SOURCE_DIRECTORY",),
    )  # fmt: skip
    server_version_header: bool = _setting(
        True, click.BOOL, "Send x-ms-server-version with this host's version.",
        "--server-version-header", azure=("SERVER_VERSION_LOG_RESPONSE_ENABLED",),
    )  # fmt: skip
    server_version_text: str | None = _setting(
        None, click.STRING, "What x-ms-server-version says instead.",
        "--server-version-text", azure=("HTTP_X_MS_SERVER_VERSION",),
    )  # fmt: skip
    app_insights_enabled: bool = _setting(
        False, click.BOOL, "Application Insights (accepted; not sent anywhere yet).",
        "--app-insights-enabled", azure=("AML_APP_INSIGHTS_ENABLED",),
    )  # fmt: skip
    app_insights_key: str | None = _setting(
        None, click.STRING, "Instrumentation key (accepted; not used yet).",
        "--appinsights_instrumentation_key", azure=("AML_APP_INSIGHTS_KEY",),
    )  # fmt: skip
    auth_level: str = _setting(
        "anonymous", click.Choice(["anonymous", "function", "admin"]),
        "Key that Azure Functions asks of every caller; / stays open.",
    )  # fmt: skip
    startup_wait_s: int = _setting(
        20, NOT_NEGATIVE, "Seconds that a request waits for init() on Azure Functions before it is a 503."
    )
    keep_warm_minutes: int = _setting(
        0, click.IntRange(0, 59), "Minutes between timer calls that keep an Azure Functions instance; 0: none."
    )
    jobs: bool = _setting(
        False, click.BOOL, "Score in the background, too, on Azure Functions: POST /jobs, and files in blob storage."
    )
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """Where each value came from: field name to `flag --port`, `environment X`, `file F`; else default."""
    unread: tuple[tuple[str, str | None], ...] = dataclasses.field(default=(), repr=False, compare=False)
    """Names that are no setting: each with the file that it is in, or None for the environment."""

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        flags: Mapping[str, tuple[str, object]] | None = None,
        working_dir: str | Path = ".",
    ) -> tuple[Settings, list[str]]:
        """Gather the settings; answers them and the warnings to log once logging is set up.

        `flags` maps field names to (flag as typed, value). Relative paths are taken from
        `working_dir`. What another host of this process has put into `environ` is no setting.

        Raises:
            SettingsError: if a value cannot be used, or a named configuration file cannot be read.
        """
        gathering = _Gathering(users_own(environ), dict(flags or {}), Path(working_dir).resolve())
        return gathering.settings(), gathering.warnings

    @property
    def limit_s(self) -> float | None:
        """Seconds that one run() may take: the shorter of scoring and worker timeout; none while it is debugged."""
        if self.debug_port is not None:
            return None
        limits = [self.scoring_timeout_ms / 1000] if self.scoring_timeout_ms else []
        limits += [float(self.worker_timeout_s)] if self.worker_timeout_s else []
        return min(limits, default=None)

    @property
    def health_ports(self) -> tuple[int, ...]:
        """The ports beside the serving port that are listened on."""
        port = self.health_port or (5000 if self.separate_health_endpoint else None)
        return (port,) if port and port != self.port else ()

    @property
    def cors_as_azmlinfsrv(self) -> bool:
        """Whether the origins were given by azmlinfsrv's own names and keep its exact matching."""
        origin = self.origins.get("cors_origins", "")
        return origin in ("flag --access_control_allow_origins", "environment AML_CORS_ORIGINS")

    @property
    def document_prefix(self) -> str:
        """What stands before each path in the API document: empty, or a slash and the prefix.

        Of a prefix that is nothing but slashes azmlinfsrv keeps one, so its paths begin with two; under its own name
        for the setting that is so here, too, and not under ours.
        """
        stem = self.service_path_prefix.strip("/")
        is_azures = self.origins.get("service_path_prefix") == "environment SERVICE_PATH_PREFIX"
        return f"/{stem}" if stem or (is_azures and self.service_path_prefix) else ""

    def describe(self) -> list[tuple[str, str, str]]:
        """Rows (name, value, where it came from) for every setting, secrets masked."""
        rows = []
        for name in SPECS:
            value = getattr(self, name)
            shown = "(given)" if name == "app_insights_key" and value else "" if value is None else str(value)
            rows.append((name, shown, self.origins.get(name, "default")))
        return rows

    def script_environment(self) -> dict[str, str | None]:
        """What Azure ML promises an entry script to find in its environment; None: nothing of that name."""
        return {
            "AML_APP_ROOT": self.app_root,
            "AZUREML_ENTRY_SCRIPT": self.script,
            "AZUREML_MODEL_DIR": self.model_dir,
            "WORKER_COUNT": str(self.workers),
            "SERVER_PORT": str(self.port),
            "AML_APP_INSIGHTS_ENABLED": "false",
        }


def address(host: str, port: int) -> str:
    """Host and port as a URL has them: an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


SPECS: dict[str, Spec] = {
    field.name: field.metadata["spec"] for field in dataclasses.fields(Settings) if "spec" in field.metadata
}

_ENTRY_FILE, _MAIN_FILE = "score.py", "main.py"
FOUND_MAIN = "found in the app root"
"""The origin of a script that nobody has named."""

_LENIENT = frozenset({"log_level", "app_insights_enabled", "app_insights_key"})
# azmlinfsrv's names that mean nothing here; they are no mistake of the user's.
_IGNORED_KEYS = frozenset(
    {"WORKSPACE_NAME", "HOSTNAME", "APP_INSIGHTS_LOG_RESPONSE_ENABLED", "AML_MODEL_DC_STORAGE_ENABLED"}
)


def _converted(kind: click.ParamType[Any], value: object) -> Any:
    """A value as its setting's type, from text or from the JSON value of that very type.

    Raises:
        click.BadParameter: if it is neither.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is click.STRING:
        fits = isinstance(value, str) or is_number
    elif kind is click.BOOL:
        fits = isinstance(value, (str, bool))
    else:
        fits = isinstance(value, str) or (isinstance(value, int) and is_number)
    if not fits:
        raise click.BadParameter(f"a {type(value).__name__} is not a valid {kind.name}")
    return kind.convert(value, None, None)


class _Gathering:
    """One pass over flags, environment and file."""

    def __init__(self, environ: Mapping[str, str], flags: dict[str, tuple[str, object]], here: Path) -> None:
        self.environ, self.flags, self.here = environ, flags, here
        self.warnings: list[str] = []
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.unread: list[tuple[str, str | None]] = []

    def settings(self) -> Settings:
        for name in SPECS:
            flag, value = self.flags.get(name, ("", None))
            if value is not None:
                self._put(name, value, f"flag {flag}", flag)
            else:
                self._take_environment(name)
        self._make_app_root_absolute()
        self._take_file()
        self._make_app_root_absolute()
        self._warn_of_unknown_environment()
        self._resolve_paths()
        if "host" in self.values:  # an IPv6 address may be written as in a URL
            self.values["host"] = self.values["host"].removeprefix("[").removesuffix("]")
        return Settings(**self.values, origins=self.origins, unread=tuple(self.unread))

    def _take_environment(self, name: str) -> None:
        for key in (PREFIX + name.upper(), *SPECS[name].azure):
            value = self.environ.get(key)
            if value:
                self._put(name, value, f"environment {key}", key)
                return

    def _make_app_root_absolute(self) -> None:
        self.values["app_root"] = self._absolute(self.values.get("app_root") or str(self.here), self.here)

    def _put(self, name: str, value: object, origin: str, key: str, file: Path | None = None) -> None:
        """Take a value, given by the flag, variable or key `key`; in `file`, if it is of one."""
        spec = SPECS[name]
        shown = key if file is None else f"{key} in {file}"
        try:
            self.values[name] = _converted(spec.type, value)
            self.origins[name] = origin
        except click.BadParameter as problem:
            # azmlinfsrv takes whatever is not "true" for false, so such words are in use.
            is_switch_of_azure = spec.type is click.BOOL and key in spec.azure
            if name not in _LENIENT and not is_switch_of_azure:
                raise SettingsError(shown, value, problem.message) from None
            self.warnings.append(f"{shown}={value!r} is ignored: {problem.message}")

    # -- the configuration file ---------------------------------------------------------------

    def _take_file(self) -> None:
        path, named = self._find_file()
        if path is None:
            return
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows begin with a mark
            if not isinstance(content, dict):
                raise ValueError("it must hold a JSON object")
        except (OSError, ValueError, RecursionError) as problem:
            why = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
            if named:
                raise SettingsError("config_file", str(path), f"cannot be used: {why}") from None
            self.warnings.append(f"{path} is ignored: {why}")
            return
        self._take_content(content, path)

    def _find_file(self) -> tuple[Path | None, bool]:
        named = self.values.get("config_file")
        if named:
            path = Path(self._absolute(named, self.here))
            if not os.path.isfile(path):
                raise SettingsError("config_file", named, "no such file")
            return path, True
        folders = [Path(self.values["app_root"])]
        if self.values.get("script"):
            script = self._script()
            folders.append(script if os.path.isdir(script) else script.parent)
        for folder in folders:
            path = folder / "config.json"
            if os.path.isfile(path) and path.stat().st_size:
                return path, False
        return None, False

    def _take_content(self, content: dict[str, object], path: Path) -> None:
        keys = {key: name for name in SPECS for key in (name, PREFIX + name.upper(), *SPECS[name].azure)}
        unknown = sorted(key for key in content if key not in keys and key not in _IGNORED_KEYS)
        if unknown:
            self.warnings.append(f"{path}: unknown keys are ignored: {', '.join(unknown)}")
            self.unread += [(key, str(path)) for key in unknown]
        for key, value in content.items():
            name = keys.get(key)
            if name is not None and name not in self.origins and value is not None:
                self._put(name, value, f"file {path}", key, path)

    # -- finishing ----------------------------------------------------------------------------

    def _warn_of_unknown_environment(self) -> None:
        known = {PREFIX + name.upper() for name in SPECS}
        unknown = sorted(key for key in self.environ if key.startswith(PREFIX) and key not in known)
        if unknown:
            self.warnings.append(f"unknown environment variables are ignored: {', '.join(unknown)}")
            self.unread += [(key, None) for key in unknown]

    def _script(self) -> Path:
        """The script as given: by a flag from the working directory, otherwise from the app root."""
        root = self.here if self.origins["script"].startswith("flag") else Path(self.values["app_root"])
        return Path(self._absolute(self.values["script"], root))

    def _take_main(self) -> None:
        """Without a script azmlinfsrv imports `main`, which it finds in the app root."""
        main = Path(self.values["app_root"]) / _MAIN_FILE
        if os.path.isfile(main):
            self.values["script"], self.origins["script"] = str(main), FOUND_MAIN

    def _absolute(self, path: str, base: Path) -> str:
        # Path.expanduser() raises for a user that there is not; this leaves the path, which is not found then.
        return os.path.abspath(base / os.path.expanduser(path))

    def _resolve_paths(self) -> None:
        if self.values.get("model_dir"):
            self.values["model_dir"] = self._absolute(self.values["model_dir"], self.here)
        if not self.values.get("script"):
            self._take_main()
        if not self.values.get("script"):
            return
        script = self._script()
        if os.path.isdir(script):  # which is False for a name that is too long, where Path.is_dir() raises
            script = script / _ENTRY_FILE
        self.values["script"] = str(script)
        beside = script.parent / "model"
        if not self.values.get("model_dir") and os.path.isdir(beside):
            self.values["model_dir"] = str(beside)
            self.origins["model_dir"] = "found beside the script"
