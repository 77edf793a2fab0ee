"""What is to be traced and where it goes, as the settings and OpenTelemetry's own variables want it.

Everything else that those variables say, such as headers, certificates, queues and sampling, the SDK and its
exporters read themselves (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from scoringhost.errors import MissingExtra, SettingsError
from scoringhost.errors.startup import pip_install
from scoringhost.settings import Secret, Settings
from scoringhost.telemetry.logs import HOST_LOGGER

PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""The names of OTLP's exporters among the entry points of packages, by the protocol."""

GRPC_PORT = 4317
"""Registered for OTLP over gRPC, as 4318 is for HTTP."""

AZURE_EXPORTER = "azure.monitor.opentelemetry"

Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be sent. spans, lines: the names of exporters; insights: the key of Application Insights."""

    traces: bool = False
    spans: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    insights: Secret | None = None

    @classmethod
    def of(cls, settings: Settings) -> Wanted:
        """What the settings want.

        Raises:
            SettingsError: if OpenTelemetry's variables name an exporter or a protocol that there is not.
            MissingExtra: if traces were asked for by name, and the package that sends them is missing.
        """
        variables = settings.open_telemetry
        if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        insights = _insights(settings)
        asked = _asks_for_traces(variables)
        traces = settings.traces
        if traces is None:
            traces = asked or insights is not None
        spans: tuple[str, ...] = ()
        if traces:
            # Without a word of where to, it is a collector on this machine; but not beside Application Insights.
            default = "otlp" if asked or insights is None else "none"
            spans = _usable("TRACES", variables, default, is_required=settings.traces is True)
            traces = bool(spans) or insights is not None or settings.traces is True
        return cls(traces, spans, _usable("LOGS", variables, "none", is_required=False), insights)

    @property
    def anything(self) -> bool:
        """Whether there is anything to be sent, or to be traced."""
        return self.traces or bool(self.lines) or self.insights is not None


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is known of OTEL_TRACES_SAMPLER before a request comes.

    share: of the traces that begin here, how many are sampled by chance alone; 1 if a sampler has to be asked.
    is_parent_based: a request whose caller samples is sampled, and no other whose caller has a say.
    """

    share: float = 1.0
    is_parent_based: bool = False

    @classmethod
    def of(cls, variables: Variables) -> Sampling:
        """What the variables say."""
        name = variables.get("OTEL_TRACES_SAMPLER", "parentbased_always_on").strip().lower()
        if name == "parentbased_always_on":
            return cls(1.0, True)
        if name == "parentbased_always_off":
            return cls(0.0, True)
        if name == "parentbased_traceidratio":
            try:
                share = float(variables.get("OTEL_TRACES_SAMPLER_ARG", "1"))
            except ValueError:
                share = 1.0  # as the SDK has it, which warns of it
            return cls(share if 0.0 <= share <= 1.0 else 1.0, True)
        return cls()


def _asks_for_traces(variables: Variables) -> bool:
    given = variables.get("OTEL_TRACES_EXPORTER")
    if given is not None:
        return given.strip().lower() != "none"
    return "OTEL_EXPORTER_OTLP_ENDPOINT" in variables or "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in variables


def _usable(signal: str, variables: Variables, default: str, *, is_required: bool) -> tuple[str, ...]:
    """The exporters for a signal. Where a platform has set its variables for every container, one is only warned of."""
    variable = f"OTEL_{signal}_EXPORTER"
    given = [word.strip() for word in variables.get(variable, default).split(",")]
    found = []
    for word in given:
        if word.lower() in ("none", ""):
            continue
        name = PROTOCOLS[_protocol(signal, variables)] if word == "otlp" else word
        if importlib.metadata.entry_points(group=_group(signal), name=name):
            found.append(name)
        elif name not in PROTOCOLS.values():
            raise SettingsError(variable, word, "no package that is installed has such an exporter")
        else:
            package = f"opentelemetry-exporter-{name.replace('_', '-')}"
            if is_required:
                raise MissingExtra(package, "otlp")
            _warn(f"{signal.lower()} are not sent: {package} is not installed; run: {pip_install('otlp', package)}")
    return tuple(found)


def _protocol(signal: str, variables: Variables) -> str:
    """The protocol of OTLP: as it is given, else by the port, else HTTP, as the specification has it."""
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        given = variables.get(name)
        if given is not None:
            if given.strip() not in PROTOCOLS:
                raise SettingsError(name, given, f"use one of {', '.join(PROTOCOLS)}")
            return given.strip()
    endpoint = variables.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or variables.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    try:
        is_grpc = urlsplit(endpoint or "").port == GRPC_PORT
    except ValueError:
        is_grpc = False
    return "grpc" if is_grpc else "http/protobuf"


def _group(signal: str) -> str:
    return f"opentelemetry_{signal.lower()}_exporter"


def maker(signal: str, name: str) -> Callable[[], Any]:
    """What makes an exporter of spans or log lines; to be called in the process that sends."""
    return partial(_made, signal, name)


def _made(signal: str, name: str) -> Any:
    [found, *_] = importlib.metadata.entry_points(group=_group(signal), name=name)
    return found.load()()


def _insights(settings: Settings) -> Secret | None:
    """The key of Application Insights, if it can be sent to. azmlinfsrv serves on without it, and so do we."""
    if not settings.app_insights_enabled:
        return None
    if settings.app_insights_key is None:
        _warn("Application Insights is enabled, but there is no key: nothing is sent")
        return None
    try:
        is_there = importlib.util.find_spec(AZURE_EXPORTER) is not None
    except ModuleNotFoundError:  # there is no package `azure.monitor` at all
        is_there = False
    if is_there:
        return settings.app_insights_key
    package = "azure-monitor-opentelemetry-exporter"
    _warn(f"nothing is sent to Application Insights; run: {pip_install('azuremonitor', package)}")
    return None


def _warn(message: str) -> None:
    logging.getLogger(HOST_LOGGER).warning("%s", message)
