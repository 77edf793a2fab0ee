"""A model as a service: an entry script that is made of a model file or folder, where nobody has written one.

Each framework has a module here with `load(path) -> EntryScript`, imported when such a model is served. What a model
takes and returns is read from the model itself, and its run() carries it as `Declarations`
(`script/signature.declares`), so that JSON, tensors, API documents, batches and checks work as for a score.py.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from scoringhost.runtimes.recognising import framework_of
from scoringhost.script.loading import EntryScript
from scoringhost.settings.served import file_framework

_MODULES = {
    "sklearn": "sklearn_models",
    "onnx": "onnx_models",
    "xgboost": "xgboost_models",
    "lightgbm": "lightgbm_models",
    "mlflow": "mlflow_models",
    "transformers": "transformers_models",
    "tensorflow": "tensorflow_models",
}


def load(path: Path, framework: str | None = None) -> EntryScript:
    """What is served at a path: an entry script, or one that is made for a model.

    `framework` is what the user says that made it; without it the name and the content of the file say so.

    Raises:
        StartupError: if it is not there, cannot be served, or is no such model; MissingExtra if what is to load it is
            not installed.
    """
    made_by = framework_of(path, framework)
    if made_by is None:
        return EntryScript.load(path)
    module = importlib.import_module(f"scoringhost.runtimes.{_MODULES[made_by]}")
    script: EntryScript = module.load(path)
    return script


def cautions(path: Path, framework: str | None = None) -> list[str]:
    """What a user is to be warned of, once, before what is at a path is loaded."""
    made_by = framework or file_framework(path)
    if made_by != "sklearn" or path.suffix == ".py":
        return []
    return [f"{path} is a pickle, and loading it runs whatever code is in it: serve only those that you trust"]
