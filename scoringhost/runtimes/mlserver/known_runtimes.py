"""MLServer's own runtimes, by the names that their settings have: the models behind them are served by ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scoringhost.errors import ScriptUnservable
from scoringhost.script.loading import EntryScript
from scoringhost.settings.mlserver_files import Given


@dataclass(frozen=True, slots=True)
class KnownRuntime:
    """One runtime: the package it is of, our framework for its models, and the names of files that it looks for."""

    implementation: str
    package: str
    framework: str | None = None
    files: tuple[str, ...] = ()


_ROWS = (
    KnownRuntime(
        "mlserver_sklearn.SKLearnModel", "mlserver-sklearn", "sklearn", ("model.joblib", "model.pickle", "model.pkl")
    ),
    KnownRuntime(
        "mlserver_xgboost.XGBoostModel", "mlserver-xgboost", "xgboost", ("model.bst", "model.json", "model.ubj")
    ),
    KnownRuntime("mlserver_lightgbm.LightGBMModel", "mlserver-lightgbm", "lightgbm", ("model.bst", "model.txt")),
    KnownRuntime("mlserver_mlflow.MLflowRuntime", "mlserver-mlflow", "mlflow"),
    KnownRuntime("mlserver_huggingface.HuggingFaceRuntime", "mlserver-huggingface", "transformers"),
    KnownRuntime("mlserver_mllib.MLlibModel", "mlserver-mllib"),
    KnownRuntime("mlserver_alibi_detect.AlibiDetectRuntime", "mlserver-alibi-detect"),
    KnownRuntime("mlserver_alibi_explain.AlibiExplainRuntime", "mlserver-alibi-explain"),
    KnownRuntime("mlserver_catboost.CatboostModel", "mlserver-catboost"),
)
KNOWN = {row.implementation: row for row in _ROWS}


def package_of(implementation: str) -> str:
    """The package that a runtime of MLServer's is in; empty if it is none of them."""
    row = next((row for row in _ROWS if row.implementation.split(".")[0] == implementation.split(".")[0]), None)
    return row.package if row is not None else ""


def load(implementation: str, given: Given, folder: Path, place: Path) -> EntryScript | None:
    """The service of a model that one of MLServer's own runtimes is for; None for any other.

    Raises:
        ScriptUnservable: if there is no model where its settings say.
        StartupError: as the runtime of its framework does.
    """
    row = KNOWN.get(implementation)
    if row is None or row.framework is None:
        return None
    from scoringhost import runtimes

    model = _model_at(given, folder, row, place)
    return runtimes.load(model, row.framework)


def _model_at(given: Given, folder: Path, row: KnownRuntime, place: Path) -> Path:
    uri = given.values.get("parameters.uri")
    if uri is not None and "://" in str(uri):
        raise ScriptUnservable(str(place), f"the model is at {uri}, and nothing is downloaded; bring it here first")
    base = folder if given.file is not None else Path.cwd()
    model = base / str(uri) if uri else folder
    if not model.exists():
        raise ScriptUnservable(str(place), f"there is no model at {model}, where its parameters.uri says")
    if not row.files or model.is_file():
        return model
    found = [model / name for name in row.files if (model / name).is_file()]
    if not found:
        raise ScriptUnservable(str(place), f"there is none of {', '.join(row.files)} in {model}")
    return found[0]
