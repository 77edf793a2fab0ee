"""MLflow model folders: an entry script whose run() is the model's python_function."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.errors import SettingsError
from scoringhost.runtimes import mlflow_folder
from scoringhost.runtimes.made import entry_script, require
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter

if TYPE_CHECKING:
    from scoringhost.runtimes.mlflow_scoring import MlflowScoring

CONFIG = "SERVING_MODEL_CONFIG"
"""The variable that MLflow's server reads, too: JSON that is handed to the model as its `model_config`."""
SCORING = "mlflow_scoring"
"""What the made module calls the model, for the dialect that speaks MLflow's own protocol."""


def load(path: Path) -> EntryScript:
    """The service of an MLflow model folder. The model itself is loaded by its init().

    Raises:
        MissingExtra: if mlflow is not installed.
        ScriptUnservable: if the model has no python_function flavor, or its MLmodel cannot be read.
        SettingsError: if SERVING_MODEL_CONFIG is no JSON object.
    """
    require("mlflow", "mlflow")
    mlflow_folder.require_pyfunc(path)
    # Importing these imports mlflow.pyfunc, which takes seconds.
    from scoringhost.runtimes.mlflow_inputs import INPUT, MlflowInput, output_of
    from scoringhost.runtimes.mlflow_schemas import schemas_of
    from scoringhost.runtimes.mlflow_scoring import MlflowScoring

    scoring, config = MlflowScoring(path), model_config(os.environ)

    def init() -> None:
        scoring.load(config)
        mlflow_folder.warn_of_mismatches(path)

    def run(input_data: Any, params: Any = None) -> Any:
        return scoring.predict(input_data, params)

    taken = MlflowInput(scoring)
    declared = DeclaredInput(taken)
    declarations = Declarations(
        run,
        {INPUT: declared},
        True,
        schemas_of(scoring),
        output_of(scoring),
        parameters=(Parameter(INPUT, REQUIRED, declared),),
        reads=taken.arguments,
    )
    script = entry_script(path, run, declarations, init)
    setattr(script.module, SCORING, scoring)
    return script


def model_config(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What SERVING_MODEL_CONFIG says.

    Raises:
        SettingsError: if it is no JSON object.
    """
    text = environ.get(CONFIG)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise SettingsError(CONFIG, text, f"it has to be JSON ({problem})") from None
    if not isinstance(found, dict):
        raise SettingsError(CONFIG, text, "it has to be a JSON object")
    return found


def scoring_of(script: EntryScript) -> MlflowScoring | None:
    """The model of an MLflow folder that is served; None for everything else."""
    if not script.path.is_dir():
        return None
    found: MlflowScoring | None = getattr(script.module, SCORING, None)
    return found
