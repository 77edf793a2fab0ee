"""model-settings.json, settings.json and MLSERVER_* variables, and what they stand for here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import SettingsError
from scoringhost.settings import Settings

MODEL = {"name": "mine", "implementation": "models.Mine"}


def _write(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def _load(folder: Path, environ: dict[str, str] | None = None, **flags: object) -> tuple[Settings, list[str]]:
    given: dict[str, tuple[str, object]] = {name: (f"--{name}", value) for name, value in flags.items()}
    return Settings.load(environ or {}, {"script": ("SCRIPT", str(folder)), **given}, folder.parent)


def test_a_folder_with_a_models_settings_is_what_is_served(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", {**MODEL, "parameters": {"version": "v1"}})
    settings, warnings = _load(tmp_path / "m")
    assert settings.script == str(tmp_path / "m" / "model-settings.json")
    assert (settings.model_name, settings.service_version, warnings) == ("mine", "v1", [])


def test_a_model_without_a_name_is_named_after_its_folder(tmp_path: Path) -> None:
    _write(tmp_path / "wine", "model-settings.json", {"implementation": "models.Mine"})
    assert _load(tmp_path / "wine")[0].model_name == "wine"


def test_the_only_model_below_a_folder_is_found(tmp_path: Path) -> None:
    _write(tmp_path / "all" / "one", "model-settings.json", MODEL)
    assert _load(tmp_path / "all")[0].script == str(tmp_path / "all" / "one" / "model-settings.json")


def test_several_models_are_refused_by_their_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _write(tmp_path / "all" / name, "model-settings.json", MODEL)
    with pytest.raises(SettingsError, match=r"settings of 2 models \(one, two\)"):
        _load(tmp_path / "all")


def test_a_score_py_with_such_settings_has_its_name_version_and_batching(tmp_path: Path) -> None:
    _write(tmp_path / "m", "score.py", "")
    content = {"name": "typed", "parameters": {"version": "v2"}, "max_batch_size": 16, "max_batch_time": 0.02}
    _write(tmp_path / "m", "model-settings.json", content)
    settings, _ = _load(tmp_path / "m")
    assert settings.script == str(tmp_path / "m" / "score.py")
    assert (settings.model_name, settings.service_version) == ("typed", "v2")
    assert (settings.max_batch_size, settings.max_batch_wait_ms) == (16, 20)


@pytest.mark.parametrize("place", ["m", ".", "here"])
def test_the_servers_settings_are_beside_the_model_or_above_it_or_here(tmp_path: Path, place: str) -> None:
    _write(tmp_path / "m", "model-settings.json", MODEL)
    _write(tmp_path / "m" / ".." / ("" if place == "here" else place), "settings.json", {"http_port": 8123})
    assert _load(tmp_path / "m")[0].port == 8123


def test_each_key_of_the_servers_stands_for_a_setting(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", MODEL)
    keys = {
        "host": "127.0.0.1", "http_port": 8124, "grpc_port": 8125, "grpc_max_message_length": 3_000_000,
        "root_path": "/base", "cors_settings": {"allow_origins": ["https://a", "https://b"]}, "metrics_port": 8126,
        "parallel_workers": 0, "parallel_workers_timeout": 7, "use_structured_logging": True,
    }  # fmt: skip
    _write(tmp_path / "m", "settings.json", keys)
    settings, warnings = _load(tmp_path / "m")
    assert warnings == []
    found = {name: getattr(settings, name) for name in (
        "host", "port", "grpc_port", "grpc_max_message_mb", "service_path_prefix", "cors_origins", "metrics_port",
        "workers", "drain_timeout_s", "log_format",
    )}  # fmt: skip
    assert found == {
        "host": "127.0.0.1", "port": 8124, "grpc_port": 8125, "grpc_max_message_mb": 3, "service_path_prefix": "/base",
        "cors_origins": "https://a,https://b", "metrics_port": 8126, "workers": 1, "drain_timeout_s": 7,
        "log_format": "json",
    }  # fmt: skip


def test_no_metrics_endpoint_means_no_metrics(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", MODEL)
    _write(tmp_path / "m", "settings.json", {"metrics_endpoint": None, "metrics_port": 8126})
    assert _load(tmp_path / "m")[0].metrics_port is None


def test_flags_and_our_own_variables_beat_theirs_and_those_beat_the_files(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", {**MODEL, "max_batch_size": 4, "max_batch_time": 0.1})
    _write(tmp_path / "m", "settings.json", {"http_port": 1111})
    environ = {"MLSERVER_HTTP_PORT": "2222", "MLSERVER_MODEL_MAX_BATCH_SIZE": "8", "MLSERVER_MODEL_VERSION": "v9"}
    settings, _ = _load(tmp_path / "m", environ)
    assert (settings.port, settings.max_batch_size, settings.service_version) == (2222, 8, "v9")
    assert settings.origins["port"] == "environment MLSERVER_HTTP_PORT"
    assert _load(tmp_path / "m", {**environ, "SCORINGHOST_PORT": "3333"})[0].port == 3333
    assert _load(tmp_path / "m", environ, port=4444)[0].port == 4444


def test_a_model_may_be_described_by_the_environment_alone(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    environ = {"MLSERVER_MODEL_IMPLEMENTATION": "models.Mine", "MLSERVER_MODEL_NAME": "fromenv"}
    settings, _ = _load(tmp_path / "m", environ)
    assert (settings.script, settings.framework, settings.model_name) == (str(tmp_path / "m"), "mlserver", "fromenv")


def test_what_is_misspelt_is_warned_of_with_what_may_be_meant(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", {**MODEL, "platfrom": "x"})
    _, warnings = _load(tmp_path / "m", {"MLSERVER_HTTP_PROT": "1"})
    assert any("'platfrom'" in one and "'platform'" in one for one in warnings)
    assert any("'MLSERVER_HTTP_PROT'" in one and "'MLSERVER_HTTP_PORT'" in one for one in warnings)


def test_kafka_is_read_from_where_mlserver_does_if_it_is_switched_on(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", MODEL)
    _write(tmp_path / "m", "settings.json", {"kafka_enabled": True, "kafka_topic_input": "mine"})
    settings, warnings = _load(tmp_path / "m")
    assert (settings.kafka_servers, settings.kafka_topic_input) == ("localhost:9092", "mine")
    assert settings.kafka_topic_output == "mlserver-output"
    assert not warnings
    _write(tmp_path / "m", "settings.json", {"kafka_servers": "broker:9092"})
    assert _load(tmp_path / "m")[0].kafka_servers is None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("load_models_at_startup", False, "one server serves one model"),
        ("cache_enabled", True, "nothing is cached"),
        ("tracing_server", "collector:4317", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("grpc_max_message_length", -1, "always a limit"),
    ],
)
def test_what_cannot_be_done_is_warned_of_with_the_reason(tmp_path: Path, key: str, value: Any, reason: str) -> None:
    _write(tmp_path / "m", "model-settings.json", MODEL)
    _write(tmp_path / "m", "settings.json", {key: value})
    assert [reason in one for one in _load(tmp_path / "m")[1]] == [True]


def test_what_is_so_anyway_is_not_warned_of(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", MODEL)
    _write(tmp_path / "m", "settings.json", {"debug": True, "kafka_enabled": False, "load_models_at_startup": True})
    assert _load(tmp_path / "m")[1] == []


def test_half_of_the_settings_for_batches_is_warned_of(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", {**MODEL, "max_batch_size": 4})
    settings, warnings = _load(tmp_path / "m")
    assert (settings.max_batch_size, len(warnings)) == (0, 1)


def test_an_environment_of_the_models_own_is_warned_of(tmp_path: Path) -> None:
    _write(tmp_path / "m", "model-settings.json", {**MODEL, "parameters": {"environment_tarball": "env.tar.gz"}})
    assert ["environment_tarball" in one for one in _load(tmp_path / "m")[1]] == [True]


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_file_that_is_broken_is_named(tmp_path: Path, content: str) -> None:
    _write(tmp_path / "m", "model-settings.json", content)
    with pytest.raises(SettingsError, match=r"model-settings\.json"):
        _load(tmp_path / "m")
