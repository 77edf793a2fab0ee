"""The table of settings: each once, in the part of the host that it is for, with all that there is to know of it.

Nothing is read here; see `gathering`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import click

from scoringhost.settings.secret import Secret

PREFIX = "SCORINGHOST_"
OTHERS = frozenset({"SCORINGHOST_HOME", "SCORINGHOST_WORKSPACE", "SCORINGHOST_CACHE", "SCORINGHOST_HUB_KEY"})
"""Variables that are no settings of a service: they say where other things are kept."""


class WholeNumber(click.IntRange):
    """A whole number in a range; click's own speaks of an "integer range", which 'abc' is not."""

    name = "whole number"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How a help text writes it."""
        return "N"


FRAMEWORKS = ("sklearn", "onnx", "xgboost", "lightgbm", "mlflow", "transformers", "tensorflow", "mlserver")
POSITIVE = WholeNumber(min=1)
NOT_NEGATIVE = WholeNumber(min=0)
PORT = WholeNumber(1, 65535)


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """How one setting is given: click type, flags, Azure ML names, and one line of help.

    secret: its value is kept as a `Secret`, which nothing that shows settings can show.
    """

    type: click.ParamType[Any]
    help: str
    flags: tuple[str, ...] = ()
    azure: tuple[str, ...] = ()
    secret: bool = False


def setting(
    default: Any,
    type: click.ParamType[Any],
    help: str,
    *flags: str,
    azure: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """A field of a part, with its row of the table."""
    return dataclasses.field(default=default, metadata={"spec": Spec(type, help, flags, azure, secret)})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """What every part of the settings has. Times end in their unit; None means: not set."""

    origins: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """Where each value came from: field name to `flag --port`, `environment X`, `file F`; else default."""

    def __post_init__(self) -> None:
        """Wrap secrets that were given as text, as by `Settings(app_insights_key="...")`."""
        for name, spec in specs_of(type(self)).items():
            value = getattr(self, name)
            if spec.secret and isinstance(value, str):
                object.__setattr__(self, name, Secret(value))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceSettings(Part):
    """One service: its script, the script's world, and what its run() may take."""

    script: str | None = setting(
        None, click.STRING, "Entry script, a folder that holds score.py, or a model.",
        "--entry-script", "--entry_script", azure=("AZUREML_ENTRY_SCRIPT",),
    )  # fmt: skip
    framework: str | None = setting(
        None, click.Choice(FRAMEWORKS),
        "What made the model that is served in place of a script, where its name does not say so.", "--framework",
    )  # fmt: skip
    model_dir: str | None = setting(
        None, click.STRING, "Model folder; the script finds it in AZUREML_MODEL_DIR.",
        "--model-dir", "--model_dir", azure=("AZUREML_MODEL_DIR",),
    )  # fmt: skip
    config_file: str | None = setting(
        None, click.STRING, "JSON file with settings.",
        "--config-file", "--config_file", azure=("AZUREML_CONFIG_FILE",),
    )  # fmt: skip
    app_root: str | None = setting(
        None, click.STRING, "Folder put on sys.path; the working directory if not set.",
        "--app-root", azure=("AML_APP_ROOT",),
    )  # fmt: skip
    source_directory: str | None = setting(
        None, click.STRING, "Folder below the app root put on sys.path.",
        "--source-directory", azure=("AZUREML_SOURCE_DIRECTORY",),
    )  # fmt: skip
    threads: int = setting(1, POSITIVE, "Calls of run() at once in each worker.", "--threads")
    scoring_timeout_ms: int = setting(
        3_600_000, NOT_NEGATIVE, "Milliseconds that one run() may take; 0: no limit.",
        "--scoring-timeout-ms", azure=("SCORING_TIMEOUT_MS",),
    )  # fmt: skip
    worker_timeout_s: int | None = setting(
        None, POSITIVE, "Seconds after which a worker that is stuck is replaced.",
        "--worker-timeout-s", azure=("WORKER_TIMEOUT",),
    )  # fmt: skip
    max_waiting: int = setting(
        1000, NOT_NEGATIVE, "Calls that may wait for run() in each worker; one more is a 503.", "--max-waiting"
    )
    max_concurrent_requests: int | None = setting(
        None, POSITIVE, "Calls that may wait or run at once in each worker; one more is a 503.",
        "--max-concurrent-requests",
    )  # fmt: skip
    max_request_wait_ms: int = setting(
        0, NOT_NEGATIVE, "Milliseconds that a call may wait for run(), or else it is a 503; 0: no limit.",
        "--max-request-wait-ms",
    )  # fmt: skip
    max_batch_size: int = setting(
        0, NOT_NEGATIVE, "Rows that waiting calls are joined up to for one run(); 0: no batching.", "--max-batch-size"
    )
    max_batch_wait_ms: int = setting(
        5, NOT_NEGATIVE, "Milliseconds that a batch may wait for the callers of the one before.", "--max-batch-wait-ms"
    )
    unknown_keys: str | None = setting(
        None, click.Choice(["warn", "refuse"]),
        "Keys of a body that run() does not take: warn in the log, or refuse with a 400, as @typed does if not set.",
        "--unknown-keys",
    )  # fmt: skip
    debug_port: int | None = setting(
        None, PORT, "Let a debugger (debugpy) attach at this port of the machine itself.", "--debug-port"
    )
    debug_wait: bool = setting(False, click.BOOL, "Wait for the debugger before the script is loaded.", "--debug-wait")
    app_insights_enabled: bool = setting(
        False, click.BOOL, "Send requests and the script's log lines to Application Insights.",
        "--app-insights-enabled", azure=("AML_APP_INSIGHTS_ENABLED",),
    )  # fmt: skip
    app_insights_key: Secret | None = setting(
        None, click.STRING, "Instrumentation key or connection string of Application Insights.",
        "--appinsights_instrumentation_key",
        azure=("AML_APP_INSIGHTS_KEY", "APPLICATIONINSIGHTS_CONNECTION_STRING"), secret=True,
    )  # fmt: skip
    app_insights_responses: bool = setting(
        True, click.BOOL, "Send the answers' bodies to Application Insights, too.",
        "--app-insights-responses", azure=("APP_INSIGHTS_LOG_RESPONSE_ENABLED",),
    )  # fmt: skip

    @property
    def limit_s(self) -> float | None:
        """Seconds that one run() may take: the shorter of scoring and worker timeout; none while it is debugged."""
        if self.debug_port is not None:
            return None
        limits = [self.scoring_timeout_ms / 1000] if self.scoring_timeout_ms else []
        limits += [float(self.worker_timeout_s)] if self.worker_timeout_s else []
        return min(limits, default=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSettings(Part):
    """The server: where it listens, its processes, its connections, its log."""

    host: str = setting("0.0.0.0", click.STRING, "Address to listen on.", "--host")
    port: int = setting(5001, PORT, "Port to listen on.", "--port", azure=("SERVER_PORT",))
    health_port: int | None = setting(
        None, PORT, "A second port, for health probes.", "--health-port", "--health_port", azure=("HEALTH_PORT",)
    )
    separate_health_endpoint: bool = setting(
        False, click.BOOL, "Listen on the health port too (5000 if none is given).",
        "--separate-health-endpoint",
        azure=("SEPERATE_HEALTH_ENDPOINT", "SEPARATE_HEALTH_ENDPOINT"),
    )  # fmt: skip
    workers: int = setting(
        1, POSITIVE, "Worker processes; each runs init() once.",
        "--workers", "--worker-count", "--worker_count", azure=("WORKER_COUNT",),
    )  # fmt: skip
    preload: bool = setting(
        False, click.BOOL, "Run init() once, before the workers are forked.", "--preload", azure=("WORKER_PRELOAD",)
    )
    reload: bool = setting(
        False, click.BOOL, "Load the script anew when it, its folder or the model folder changes.", "--reload"
    )
    metrics_port: int | None = setting(
        None, PORT, "A port of its own for /metrics, which needs no key; metrics are on then.", "--metrics-port"
    )
    drain_timeout_s: int = setting(
        20, POSITIVE, "Seconds that running requests have to end after SIGTERM.", "--drain-timeout-s"
    )
    shutdown_delay_s: int = setting(
        0, NOT_NEGATIVE, "Seconds after SIGTERM for which requests are taken as before, while /readyz is a 503.",
        "--shutdown-delay-s",
    )  # fmt: skip
    max_requests: int = setting(
        0, NOT_NEGATIVE, "Requests after which a worker is replaced by a new one; 0: never.", "--max-requests"
    )
    max_requests_jitter: int | None = setting(
        None, NOT_NEGATIVE, "Requests more, up to so many by chance, before it is; a tenth of max_requests if not set.",
        "--max-requests-jitter",
    )  # fmt: skip
    max_worker_memory_mb: int = setting(
        0, NOT_NEGATIVE, "MiB in memory above which a worker is replaced by a new one; 0: never.",
        "--max-worker-memory-mb",
    )  # fmt: skip
    tls_certificate: str | None = setting(
        None, click.STRING, "File of the certificate, with its chain, to serve https with; read again when it changes.",
        "--tls-certificate",
    )  # fmt: skip
    tls_key: str | None = setting(None, click.STRING, "File of its key, if that is not in the same file.", "--tls-key")
    tls_client_ca: str | None = setting(
        None, click.STRING, "File of the authorities one of which must have signed the certificate of each client.",
        "--tls-client-ca",
    )  # fmt: skip
    keep_alive_s: int = setting(75, POSITIVE, "Seconds an idle connection is kept open.", "--keep-alive-s")
    max_bodies_mb: int = setting(
        1024, NOT_NEGATIVE, "MiB of request bodies that a worker may hold at once; one more is a 503. 0: no limit.",
        "--max-bodies-mb",
    )  # fmt: skip
    head_timeout_s: int = setting(
        20, POSITIVE, "Seconds that the head of a request may take to arrive.", "--head-timeout-s"
    )
    min_upload_bytes_per_s: int = setting(
        240, NOT_NEGATIVE, "Bytes of a body that must arrive each second, over ten seconds; 0: no minimum.",
        "--min-upload-bytes-per-s",
    )  # fmt: skip
    write_timeout_s: int = setting(
        30, POSITIVE, "Seconds that a client may leave what was sent to it unread.", "--write-timeout-s"
    )
    log_level: str | None = setting(
        None, click.STRING, "Level of every logger: DEBUG, INFO, WARNING, ERROR.",
        "--log-level", azure=("AZUREML_LOG_LEVEL",),
    )  # fmt: skip
    log_format: str = setting(
        "text", click.Choice(["text", "json"]), "Lines of the log: text, or one JSON object each.", "--log-format"
    )

    @property
    def extra_ports(self) -> tuple[int, ...]:
        """All ports that are listened on beside the serving port."""
        return self.health_ports + ((self.metrics_port,) if self.metrics_port else ())

    @property
    def health_ports(self) -> tuple[int, ...]:
        """The ports beside the serving port that are listened on."""
        port = self.health_port or (5000 if self.separate_health_endpoint else None)
        return (port,) if port and port != self.port else ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HttpSettings(Part):
    """What is said over HTTP, whichever server does it."""

    max_body_mb: int = setting(100, POSITIVE, "Largest request body, in MiB, unpacked.", "--max-body-mb")
    cors_origins: str | None = setting(
        None, click.STRING, "Origins that browsers may call from, separated by commas; * for all.",
        "--cors-origins", "--access_control_allow_origins", azure=("AML_CORS_ORIGINS",),
    )  # fmt: skip
    metrics: bool = setting(False, click.BOOL, "Count, and serve what was counted at /metrics.", "--metrics")
    traces: bool | None = setting(
        None, click.BOOL, "Trace requests with OpenTelemetry; if not set, its OTEL_* variables decide.", "--traces"
    )
    primary_key: Secret | None = setting(None, click.STRING, "Key that callers must send.", secret=True)
    secondary_key: Secret | None = setting(
        None, click.STRING, "A second key that is as good, to change keys one after the other.", secret=True
    )
    keys_file: str | None = setting(
        None, click.STRING, "File or folder of keys that callers must send; read again when it changes.", "--keys-file"
    )
    token_keys: str | None = setting(
        None,
        click.STRING,
        "URL or file of the public keys (JWKS) that callers' tokens (JWT) are signed with, or the URL of the issuer's "
        ".well-known/openid-configuration.",
        "--token-keys",
    )
    token_issuer: str | None = setting(None, click.STRING, "Who has issued the tokens: their iss.", "--token-issuer")
    token_audience: str | None = setting(
        None, click.STRING, "Whom the tokens are for, their aud; several separated by commas.", "--token-audience"
    )
    token_scopes: str | None = setting(
        None, click.STRING, "Scopes that a token must have all of, separated by commas.", "--token-scopes"
    )
    token_roles: str | None = setting(
        None, click.STRING, "Roles that a token must have one of, separated by commas.", "--token-roles"
    )
    token_leeway_s: int = setting(
        30, NOT_NEGATIVE, "Seconds that clocks may differ in a token's times.", "--token-leeway-s"
    )
    open_docs: bool = setting(
        False, click.BOOL, "Let everybody read /docs and /swagger.json, without a key.", "--open-docs"
    )
    rate_limit: str | None = setting(
        None, click.STRING, "Requests that each key, or else each address, may send in a time, such as 100/s.",
        "--rate-limit",
    )  # fmt: skip
    trusted_proxies: str | None = setting(
        None, click.STRING, "Addresses or networks whose X-Forwarded-For and -Proto are believed, separated by commas.",
        "--trusted-proxies",
    )  # fmt: skip
    service_name: str = setting(
        "ML service", click.STRING, "Name in the API document.", "--service-name", azure=("SERVICE_NAME",)
    )
    service_version: str = setting(
        "1.0", click.STRING, "Version in the API document.", "--service-version", azure=("SERVICE_VERSION",)
    )
    service_path_prefix: str = setting(
        "", click.STRING, "Prefix of the paths in the API document.",
        "--service-path-prefix", azure=("SERVICE_PATH_PREFIX",),
    )  # fmt: skip
    document_as_azmlinfsrv: bool = setting(
        False, click.BOOL, "Write the API document as azmlinfsrv does, its Bearer key included.",
        "--document-as-azmlinfsrv",
    )  # fmt: skip
    nan: str = setting(
        "null", click.Choice(["null", "literal"]), "NaN and infinities in results: null, or the literals.", "--nan"
    )
    debug: bool = setting(False, click.BOOL, "Put tracebacks into error replies.", "--debug")
    server_timing: bool = setting(
        False, click.BOOL, "Say in a header (Server-Timing) how long a request waited, ran and so on.",
        "--server-timing",
    )  # fmt: skip
    docs: bool = setting(True, click.BOOL, "Serve a page to try the service at /docs.", "--docs")
    server_version_header: bool = setting(
        True, click.BOOL, "Send x-ms-server-version with this host's version.",
        "--server-version-header", azure=("SERVER_VERSION_LOG_RESPONSE_ENABLED",),
    )  # fmt: skip
    server_version_text: str | None = setting(
        None, click.STRING, "What x-ms-server-version says instead.",
        "--server-version-text", azure=("HTTP_X_MS_SERVER_VERSION",),
    )  # fmt: skip

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class FunctionsSettings(Part):
    """What only Azure Functions asks for."""

    auth_level: str = setting(
        "anonymous", click.Choice(["anonymous", "function", "admin"]),
        "Key that Azure Functions asks of every caller; / stays open.",
    )  # fmt: skip
    startup_wait_s: int = setting(
        20, NOT_NEGATIVE, "Seconds that a request waits for init() on Azure Functions before it is a 503."
    )
    keep_warm_minutes: int = setting(
        0, WholeNumber(0, 59), "Minutes between timer calls that keep an Azure Functions instance; 0: none."
    )
    jobs: bool = setting(
        False, click.BOOL, "Score in the background, too, on Azure Functions: POST /jobs, and files in blob storage."
    )


def specs_of(part: type[Part]) -> dict[str, Spec]:
    """The rows of the table for a part, by the name of the setting."""
    return {field.name: field.metadata["spec"] for field in dataclasses.fields(part) if "spec" in field.metadata}
