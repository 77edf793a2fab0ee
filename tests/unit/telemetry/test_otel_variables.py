"""When requests are traced, and where to: the settings, and OpenTelemetry's own variables."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from typing import Any

import pytest

from scoringhost.errors import MissingExtra, SettingsError
from scoringhost.settings import Secret, Settings
from scoringhost.telemetry.otel_variables import Wanted
from scoringhost.telemetry.parts import telemetry_of

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the exporters of OTLP, and of Application Insights, were there."""
    names = {"otlp_proto_http", "otlp_proto_grpc", "console"}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group, name: [1] if name in names else [])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group, name: [])
    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def wanted(environ: dict[str, str] | None = None, **settings: Any) -> Wanted:
    return Wanted.of(Settings(open_telemetry=environ or {}, **settings))


@pytest.mark.parametrize(
    ("environ", "spans"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "cats"}, None),
        ({OTLP: "http://collector:4318"}, ("otlp_proto_http",)),
        ({OTLP: "http://collector:4317"}, ("otlp_proto_grpc",)),
        ({OTLP: "https://collector/otlp"}, ("otlp_proto_http",)),
        ({OTLP: "collector:not-a-port"}, ("otlp_proto_http",)),
        ({OTLP: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ("otlp_proto_http",)),
        ({OTLP: "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, ("otlp_proto_grpc",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317/"}, ("otlp_proto_grpc",)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp_proto_http",)),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, ("otlp_proto_http", "console")),
        ({"OTEL_TRACES_EXPORTER": "none", OTLP: "http://collector:4318"}, None),
        ({OTLP: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_the_standard_variables_decide(installed: None, environ: dict[str, str], spans: tuple[str, ...] | None) -> None:
    found = wanted(environ)
    assert (found.traces, found.spans) == (spans is not None, spans or ())


@pytest.mark.parametrize(
    ("traces", "environ", "found"),
    [
        (True, {}, (True, ("otlp_proto_http",))),
        (True, {"OTEL_TRACES_EXPORTER": "none"}, (True, ())),
        (True, {"OTEL_SDK_DISABLED": "TRUE"}, (False, ())),
        (False, {OTLP: "http://collector:4318"}, (False, ())),
    ],
)
def test_the_setting_has_the_last_word_but_for_the_switch_of_all(
    installed: None, traces: bool, environ: dict[str, str], found: tuple[bool, tuple[str, ...]]
) -> None:
    asked = wanted(environ, traces=traces)
    assert (asked.traces, asked.spans) == found


def test_lines_are_sent_if_asked_and_without_traces_too(installed: None) -> None:
    assert wanted({"OTEL_LOGS_EXPORTER": "otlp"}) == Wanted(lines=("otlp_proto_http",))
    assert wanted({OTLP: "http://collector:4318"}).lines == ()


def test_application_insights_is_asked_for_by_azmlinfsrvs_variables(installed: None) -> None:
    key = Secret("00000000-0000-0000-0000-000000000001")
    assert wanted(app_insights_enabled=True, app_insights_key=key) == Wanted(True, (), (), key)
    assert wanted(app_insights_key=key) == Wanted()
    both = wanted({OTLP: "http://collector:4318"}, app_insights_enabled=True, app_insights_key=key)
    assert both == Wanted(True, ("otlp_proto_http",), (), key)


def test_application_insights_without_a_key_is_warned_of(installed: None, caplog: pytest.LogCaptureFixture) -> None:
    assert wanted(app_insights_enabled=True) == Wanted()
    assert "there is no key" in caplog.text


def test_a_connection_string_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "InstrumentationKey=1;IngestionEndpoint=http://localhost/"
    settings, _ = Settings.load({"APPLICATIONINSIGHTS_CONNECTION_STRING": text})
    assert settings.app_insights_key == Secret(text)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"OTEL_TRACES_EXPORTER": "jaegar"}, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_LOGS_EXPORTER": "paper"}, "OTEL_LOGS_EXPORTER"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_by_name(installed: None, environ: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        wanted(environ)


def test_traces_that_were_asked_for_by_name_need_their_package(nothing_installed: None) -> None:
    with pytest.raises(MissingExtra, match="opentelemetry-exporter-otlp-proto-http"):
        wanted(traces=True)


def test_what_a_platform_asks_of_every_container_is_warned_of_where_the_package_is_missing(
    nothing_installed: None, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {OTLP: "http://collector:4318", "OTEL_LOGS_EXPORTER": "otlp"}
    found = wanted(environ, app_insights_enabled=True, app_insights_key=Secret("1"))
    assert not found.anything
    assert caplog.text.count("pip install") == 3


def test_nothing_of_opentelemetry_is_imported_where_nothing_is_asked_for(python: Any) -> None:
    done = python(
        """
        import sys
        from scoringhost.settings import Settings
        from scoringhost.telemetry.parts import telemetry_of
        found = telemetry_of(Settings.load({"AML_APP_INSIGHTS_KEY": "1"})[0], ["azureml"])
        assert found.exports is None
        print([name for name in sys.modules if name.startswith("opentelemetry")])
        """
    )
    assert done.strip() == "[]"


def test_variables_of_opentelemetry_are_in_no_list_of_settings() -> None:
    settings, _ = Settings.load({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret"})
    assert settings.open_telemetry
    assert "secret" not in repr(settings)
    assert "secret" not in str(settings.describe())


def test_metrics_alone_send_nothing() -> None:
    found = telemetry_of(Settings(metrics=True), ["azureml"])
    assert found.exports is None
    assert len(found.watchers) == 1


def test_a_warning_is_a_line_of_the_host(nothing_installed: None, caplog: pytest.LogCaptureFixture) -> None:
    wanted(app_insights_enabled=True, app_insights_key=Secret("1"))
    [record] = caplog.records
    assert (record.name, record.levelno) == ("azmlinfsrv", logging.WARNING)
