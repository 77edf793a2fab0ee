"""What MLServer's settings mean here: the setting of ours that each stands for, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.settings.mlserver_files import Given

_MIB = 1024 * 1024


class _Unusable(ValueError):
    """The value stands for nothing here; the text says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. setting: what it stands for; None if it stands for nothing, and `why` says why, if that is not silent.

    default: the value which is no reason to warn, as it asks for what is so anyway. convert: to the setting's value.
    """

    name: str
    setting: str | None = None
    why: str = ""
    default: Any = None
    convert: Callable[[Any], Any] = lambda value: value


def _workers(value: Any) -> int:
    """0 means in the server's own process, which is what one worker is here."""
    return max(1, int(value))


def _mib(value: Any) -> int:
    size = int(value)
    if size <= 0:
        raise _Unusable("there is always a limit; grpc_max_message_mb sets it")
    return max(1, math.ceil(size / _MIB))


def _origins(value: Any) -> str:
    if not isinstance(value, Mapping) or not value.get("allow_origins"):
        raise _Unusable("of CORS, allow_origins is read, a list")
    return ",".join(map(str, value["allow_origins"]))


def _is_true(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "yes", "on", "t", "y")


def _format(value: Any) -> str:
    return "json" if _is_true(value) else "text"


_POOL = "there are no environments in it; start each server with the Python of its own environment"
_REPOSITORY = "one server serves one model, which is loaded when it starts"
_CUSTOM = "the servers are others here"

SERVER = (
    Key("host", "host"),
    Key("http_port", "port"),
    Key("grpc_port", "grpc_port"),
    Key("grpc_max_message_length", "grpc_max_message_mb", convert=_mib),
    Key("root_path", "service_path_prefix"),
    Key("cors_settings", "cors_origins", convert=_origins),
    Key("metrics_port", "metrics_port"),
    Key(
        "metrics_endpoint", None, "metrics are at /metrics, once --metrics or a metrics_port asks for them", "/metrics"
    ),
    Key("metrics_rest_server_prefix", None, "the names of the metrics are the host's own", "rest_server"),
    Key("metrics_dir"),
    Key("debug", None, "", True),
    Key("parallel_workers", "workers", convert=_workers),
    Key("parallel_workers_timeout", "drain_timeout_s", convert=lambda value: max(1, int(value))),
    Key("use_structured_logging", "log_format", convert=_format),
    Key("logging_settings", None, "a logging.json beside the model configures the log", ""),
    Key("tracing_server", None, "OTEL_EXPORTER_OTLP_ENDPOINT says where traces go", ""),
    Key("gzip_enabled", None, "a response is packed if its caller accepts that, and wants it to be", True),
    Key("load_models_at_startup", None, _REPOSITORY, True),
    Key("model_repository_implementation", None, _REPOSITORY, ""),
    Key("model_repository_implementation_args", None, _REPOSITORY, {}),
    Key("model_repository_root", None, _REPOSITORY, "."),
    Key("server_name", None, "GET /v2 says scoringhost", "mlserver"),
    Key("server_version", None, "GET /v2 says the version of scoringhost"),
    Key("extensions", None, "GET /v2 says the extensions that there are", []),
    Key("environments_dir", None, _POOL),
    Key("cache_enabled", None, "nothing is cached", False),
    Key("cache_size"),
    Key("kafka_enabled"),  # see `kafka_from`
    Key("kafka_servers"),
    Key("kafka_topic_input"),
    Key("kafka_topic_output"),
    Key("_custom_rest_server_settings", None, _CUSTOM, {}),
    Key("_custom_metrics_server_settings", None, _CUSTOM, {}),
    Key("_custom_grpc_server_settings", None, _CUSTOM, {}),
)

MODEL = (
    Key("name", "model_name"),
    Key("parameters.version", "service_version", convert=str),
    Key("parallel_workers", None, "settings.json says how many workers there are", 0),
    Key("warm_workers"),
    Key("cache_enabled", None, "nothing is cached", False),
    Key("parameters.environment_tarball", None, _POOL),
    Key("parameters.environment_path", None, _POOL),
    Key("parameters.inference_pool_gid", None, _POOL),
    Key("parameters.autogenerate_inference_pool_gid", None, _POOL, False),
)
"""The rest of a model's keys is for its runtime, or for batching."""


def settings_from(keys: tuple[Key, ...], given: Given) -> dict[str, tuple[Any, str, str]]:
    """The settings of ours that some keys stand for: by name the value, its origin, and the key.

    What stands for nothing is added to the warnings of `given`.
    """
    found: dict[str, tuple[Any, str, str]] = {}
    for key in keys:
        if key.name not in given.values:
            continue
        value, origin = given.values[key.name], given.origins[key.name]
        if value is None:
            continue
        if key.setting is None:
            _warn_of_ignored(key, value, given)
            continue
        try:
            found[key.setting] = key.convert(value), origin, key.name
        except _Unusable as problem:
            given.warnings.append(f"{key.name} ({origin}) is ignored: {problem}")
        except (TypeError, ValueError):
            found[key.setting] = value, origin, key.name  # and whoever takes it says what is wrong with it
    if given.values.get("metrics_endpoint", "") is None:  # MLServer's way to say that there are to be none
        found.pop("metrics_port", None)
    return found


def _warn_of_ignored(key: Key, value: Any, given: Given) -> None:
    """Say why a key stands for nothing here, unless it asks for what is so anyway."""
    if key.why and value != key.default and str(value).lower() != str(key.default).lower():
        given.warnings.append(f"{key.name} ({given.origins[key.name]}) is ignored: {key.why}")


def kafka_from(given: Given) -> dict[str, tuple[Any, str, str]]:
    """The settings for Kafka, with MLServer's defaults: the other keys count only where `kafka_enabled` is true."""
    if not _is_true(given.values.get("kafka_enabled", False)):
        return {}
    enabled = given.origins["kafka_enabled"]
    defaults = {
        "kafka_servers": "localhost:9092",
        "kafka_topic_input": "mlserver-input",
        "kafka_topic_output": "mlserver-output",
    }
    return {
        key: (given.values.get(key, default), given.origins.get(key, enabled), key) for key, default in defaults.items()
    }


def batching_from(given: Given) -> dict[str, tuple[Any, str, str]]:
    """The settings for batching: both keys are needed, as in MLServer, where either alone leaves it off."""
    size, seconds = given.values.get("max_batch_size", 0), given.values.get("max_batch_time", 0)
    try:
        is_on = float(size) > 1 and float(seconds) > 0
    except (TypeError, ValueError):
        given.warnings.append(
            f"max_batch_size={size!r} and max_batch_time={seconds!r} are no numbers; nothing is batched"
        )
        return {}
    if not is_on:
        if float(size) > 1 or float(seconds) > 0:
            given.warnings.append("batching needs max_batch_size above 1 and max_batch_time above 0; it is off")
        return {}
    wait_ms = max(1, math.ceil(float(seconds) * 1000))
    return {
        "max_batch_size": (int(float(size)), given.origins["max_batch_size"], "max_batch_size"),
        "max_batch_wait_ms": (wait_ms, given.origins["max_batch_time"], "max_batch_time"),
    }
