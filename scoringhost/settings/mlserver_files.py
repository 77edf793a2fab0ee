"""MLServer's settings of a model and of its server: model-settings.json, settings.json, and MLSERVER_* variables.

The environment beats the files: a file is what is baked into an image, and a variable what is set where it runs. (In
MLServer it is the other way round, though its manual says this.) What the keys mean here, `mlserver_keys` says.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scoringhost.errors import SettingsError

MODEL_FILE, SERVER_FILE, ENV_FILE = "model-settings.json", "settings.json", ".env"
SERVER_PREFIX, MODEL_PREFIX = "MLSERVER_", "MLSERVER_MODEL_"
IMPLEMENTATION = MODEL_PREFIX + "IMPLEMENTATION"
_DEPTH = 4
"""Folders below the one that is served in which a model's settings are looked for."""

MODEL_KEYS = (
    *("name", "implementation", "platform", "versions", "inputs", "outputs", "parallel_workers", "warm_workers"),
    *("max_batch_size", "max_batch_time", "cache_enabled", "parameters"),
)
PARAMETER_KEYS = (
    *("uri", "version", "environment_tarball", "environment_path", "inference_pool_gid"),
    *("autogenerate_inference_pool_gid", "format", "content_type", "extra"),
)
"""The keys of `parameters`, which may have any others besides; in the environment they stand among the model's."""
SERVER_KEYS = (
    *("debug", "parallel_workers", "parallel_workers_timeout", "environments_dir", "model_repository_implementation"),
    *("model_repository_implementation_args", "model_repository_root", "load_models_at_startup", "server_name"),
    *("server_version", "extensions", "host", "http_port", "grpc_port", "root_path", "grpc_max_message_length"),
    *("cors_settings", "metrics_endpoint", "metrics_port", "metrics_rest_server_prefix", "metrics_dir"),
    *("logging_settings", "use_structured_logging", "kafka_enabled", "kafka_servers", "kafka_topic_input"),
    *("kafka_topic_output", "tracing_server", "cache_enabled", "cache_size", "gzip_enabled"),
    *("_custom_rest_server_settings", "_custom_metrics_server_settings", "_custom_grpc_server_settings"),
)
_JSON = frozenset({"versions", "inputs", "outputs", "extra", "extensions", "cors_settings", "parameters"})
"""Of these the variables hold JSON."""


@dataclasses.dataclass(slots=True)
class Given:
    """Some keys with their values, where each came from, and what to warn of."""

    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    origins: dict[str, str] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)
    file: Path | None = None

    def put(self, key: str, value: Any, origin: str) -> None:
        """Take a value; of `parameters` each by itself."""
        self.values[key], self.origins[key] = value, origin


def is_model_settings(path: Path) -> bool:
    """Whether a path is a file of a model's settings."""
    return path.name == MODEL_FILE


def model_settings_at(folder: Path) -> Path | None:
    """The settings of the model in a folder, or of the only one below it; None if there are none.

    Raises:
        SettingsError: if there are several, or it has models below it; one server serves one model.
    """
    own = folder / MODEL_FILE
    found = sorted(settings_below(folder, _DEPTH))
    if len(found) > 1:
        shown = ", ".join(str(path.relative_to(folder).parent) for path in found[:5])
        more = ", ..." if len(found) > 5 else ""
        why = (
            f"it holds the settings of {len(found)} models ({shown}{more}), and one server serves one; name its folder"
        )
        raise SettingsError("script", str(folder), why)
    return own if own in found else next(iter(found), None)


def settings_below(folder: Path, depth: int) -> Iterator[Path]:
    """The files of models' settings in a folder, and in those below it to that depth."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name == MODEL_FILE and entry.is_file():
            yield Path(entry.path)
        elif depth and not entry.name.startswith((".", "_")) and entry.is_dir() and not is_environment(entry.path):
            yield from settings_below(Path(entry.path), depth - 1)


def is_environment(folder: str) -> bool:
    """Whether packages are installed there, and no models."""
    name = os.path.basename(folder)
    return name in ("node_modules", "site-packages") or os.path.isfile(os.path.join(folder, "pyvenv.cfg"))


def read_model_settings(place: Path, environ: Mapping[str, str]) -> Given:
    """The settings of a model: `place` is their file, or a folder without one, where the environment has them all.

    Those of `parameters` are there by `parameters.NAME`. The name of a model that has none is its folder's.

    Raises:
        SettingsError: if the file cannot be read, or a value is not what its key takes.
    """
    given = Given()
    folder = place
    if is_model_settings(place):
        given.file, folder = place, place.parent
        _take_file(given, place, MODEL_KEYS, Path.cwd())
    parameters = given.values.pop("parameters", None) or {}
    if not isinstance(parameters, dict):
        raise SettingsError(f"parameters in {place}", parameters, "it must be an object")
    for key, value in parameters.items():
        given.put(f"parameters.{key}", value, f"file {place}")
    variables = _variables(environ, folder)
    for key in MODEL_KEYS:
        _take_variable(given, variables, MODEL_PREFIX, key, key)
    for key in PARAMETER_KEYS:
        _take_variable(given, variables, MODEL_PREFIX, key, f"parameters.{key}")
    known = {MODEL_PREFIX + key.upper() for key in (*MODEL_KEYS, *PARAMETER_KEYS)}
    _warn_of_unknown(given, [name for name in variables if name.startswith(MODEL_PREFIX)], known, "the environment")
    if not given.values.get("name"):
        given.put("name", folder.resolve().name, "its folder")
    return given


def read_server_settings(folder: Path, here: Path, environ: Mapping[str, str]) -> Given:
    """The settings of the server: settings.json in the model's folder, the one above, or `here`; and the environment.

    Raises:
        SettingsError: if the file cannot be read.
    """
    given = Given()
    for place in (folder, folder.parent, here):
        if (place / SERVER_FILE).is_file():
            given.file = place / SERVER_FILE
            _take_file(given, given.file, SERVER_KEYS, here)
            break
    variables = _variables(environ, folder)
    for key in SERVER_KEYS:
        _take_variable(given, variables, SERVER_PREFIX, key, key)
    known = {SERVER_PREFIX + key.upper() for key in SERVER_KEYS}
    named = [name for name in variables if name.startswith(SERVER_PREFIX) and not name.startswith(MODEL_PREFIX)]
    # Of `mlserver infer` and of its image; they are nobody's mistake.
    named = [name for name in named if not name.startswith(("MLSERVER_INFER_", "MLSERVER_MODELS_DIR", "MLSERVER_ENV_"))]
    _warn_of_unknown(given, [name for name in named if name != "MLSERVER_PATH"], known, "the environment")
    return given


def _take_file(given: Given, path: Path, known: Sequence[str], here: Path) -> None:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as problem:
        raise SettingsError(str(path), None, f"cannot be used: {problem}") from None
    if not isinstance(content, dict):
        raise SettingsError(str(path), None, "cannot be used: it must hold a JSON object")
    for key, value in content.items():
        if key in known:
            given.put(key, value, f"file {path}")
    _warn_of_unknown(given, [key for key in content if key not in known], known, str(path))


def _variables(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """MLSERVER_* of the environment, and of a file .env in the working directory, or else in the folder."""
    found: dict[str, str] = {}
    for place in (Path.cwd(), folder):
        if (place / ENV_FILE).is_file():
            found = _env_file(place / ENV_FILE)
            break
    found.update({name: value for name, value in environ.items() if name.startswith(SERVER_PREFIX)})
    return found


def _env_file(path: Path) -> dict[str, str]:
    found = {}
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and name.strip().upper().startswith(SERVER_PREFIX):
            text = value.strip()
            is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
            found[name.strip().upper()] = text[1:-1] if is_quoted else text
    return found


def _take_variable(given: Given, variables: Mapping[str, str], prefix: str, key: str, name: str) -> None:
    variable = prefix + key.upper()
    text = variables.get(variable)
    if text is None:
        return
    value: Any = text
    if key in _JSON:
        try:
            value = json.loads(text)
        except ValueError as problem:
            raise SettingsError(variable, text, f"it must hold JSON: {problem}") from None
    if key == "parameters" and isinstance(value, dict):
        for inner, one in value.items():
            given.put(f"parameters.{inner}", one, f"environment {variable}")
        return
    given.put(name, value, f"environment {variable}")


def _warn_of_unknown(given: Given, names: Sequence[str], known: Sequence[str] | set[str], where: str) -> None:
    import difflib  # needed once something is misspelt, and not at every start

    for name in sorted(names):
        if name in known:
            continue
        meant = difflib.get_close_matches(name, sorted(known), 1)
        hint = f"; is {meant[0]!r} meant?" if meant else ""
        given.warnings.append(f"{where}: {name!r} is no setting of MLServer's, and is ignored{hint}")
