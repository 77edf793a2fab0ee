"""From a model URI to a file or folder of this machine, and what is known of where it is from."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow.exceptions import MlflowException

from scoringhost.errors import ScoringHostError
from scoringhost.mlflow_plugin.refusals import absent, invalid
from scoringhost.settings.served import served_at

MLFLOW, PYFUNC = "mlflow", "python_function"
SCRIPT = "script"
"""The flavor of what is an entry script."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be deployed. origin: in the words of `Recipe.origin`."""

    path: Path
    flavor: str
    origin: dict[str, Any]


@contextlib.contextmanager
def taken(model_uri: str, flavor: str | None = None) -> Iterator[Model]:
    """The model of a URI, on the disk as long as this lasts.

    model_uri: `models:/`, `runs:/` or whatever else MLflow can download, a path, or a `file:` URI.

    Raises:
        MlflowException: if it is not there, is nothing that can be served, or has no such flavor.
    """
    with tempfile.TemporaryDirectory(prefix="scoringhost-mlflow-") as folder:
        path = _path_of(model_uri, folder)
        found = _flavor_of(path, model_uri, flavor)
        is_path = not urlsplit(model_uri).scheme
        origin: dict[str, Any] = {"model_uri": str(path) if is_path else model_uri, "flavor": found}
        if (path / "MLmodel").is_file():
            origin["speaks"] = MLFLOW
            origin |= _of_run(path, model_uri)
        yield Model(path, found, origin)


def _path_of(model_uri: str, folder: str) -> Path:
    parts = urlsplit(model_uri)
    if parts.scheme in ("", "file"):
        path = Path(unquote(parts.path) if parts.scheme else model_uri).expanduser()
        if not path.exists():
            raise absent(f"there is no model at {model_uri!r}")
        return path.absolute()
    import mlflow.artifacts

    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=folder))
    except MlflowException:
        raise
    except Exception as problem:  # what the stores raise is whatever their libraries raise
        raise absent(f"the model {model_uri!r} cannot be downloaded: {problem}") from None


def _flavor_of(path: Path, model_uri: str, wanted: str | None) -> str:
    """The flavor that is deployed; of an MLflow folder it is the one that is wanted, served as python_function."""
    if (path / "MLmodel").is_file():
        known = list(_mlmodel(path).get("flavors") or {})
        if PYFUNC not in known:
            raise invalid(f"{model_uri}: the model has no flavor {PYFUNC}, but {', '.join(known) or 'none'}")
        if wanted is not None and wanted not in known:
            raise invalid(f"{model_uri}: the model has no flavor {wanted!r}, but {', '.join(known)}")
        return wanted or PYFUNC
    from scoringhost.runtimes.recognising import framework_of

    try:
        served = served_at(path)
        found = framework_of(served, None) or SCRIPT
    except ScoringHostError as problem:
        raise invalid(f"{model_uri}: {problem}") from None
    if not served.exists():
        raise invalid(f"{model_uri}: there is no MLmodel, no score.py and no model in it")
    if wanted is not None and wanted != found:
        raise invalid(f"{model_uri}: the model has no flavor {wanted!r}, but {found}")
    return found


def _mlmodel(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load((path / "MLmodel").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise invalid(f"the MLmodel of {path} cannot be read: {problem}") from None
    return found if isinstance(found, dict) else {}


def _of_run(path: Path, model_uri: str) -> dict[str, Any]:
    """What the folder, and where there is one the tracking server, say of the run that the model is from."""
    found: dict[str, Any] = {key: str(value) for key, value in _mlmodel(path).items() if key in _KEPT and value}
    meta = path / "registered_model_meta"  # which MLflow writes when it has downloaded a registered model
    if meta.is_file():
        import yaml

        with contextlib.suppress(yaml.YAMLError, OSError):
            said = yaml.safe_load(meta.read_text(encoding="utf-8"))
            found |= {key: str(said[key]) for key in ("model_name", "model_version") if key in said}
    scheme, _, rest = model_uri.partition(":")
    if scheme == "runs":  # a model that was saved first and logged to a run afterwards does not know of it
        found["run_id"] = rest.strip("/").partition("/")[0]
    run_id = found.get("run_id")
    if run_id and scheme in ("runs", "models"):
        with contextlib.suppress(Exception):  # the model is here; whether its run is, too, decides nothing
            from mlflow.tracking import MlflowClient

            tags = MlflowClient().get_run(run_id).data.tags
            found["run_tags"] = {str(key): str(value) for key, value in tags.items()}
    return found


_KEPT = ("run_id", "model_id", "model_uuid", "mlflow_version", "utc_time_created")
