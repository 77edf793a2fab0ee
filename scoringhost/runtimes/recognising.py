"""Which framework made a model."""

from __future__ import annotations

import os
from pathlib import Path

from scoringhost.errors import ScriptUnservable
from scoringhost.script.loading import require_file
from scoringhost.settings.served import file_framework, folder_framework, is_model_folder

PYTHON = ".py"
FOLDERS = {
    "mlflow": "the file MLmodel",
    "tensorflow": "the file saved_model.pb",
    "transformers": "config.json and weights (model.safetensors, say)",
}
"""The frameworks whose models are folders, and what is in such a folder."""
EXPECTED = (
    "a Python file, or a model: .joblib, .pkl, .pickle, .onnx, .ubj, .bst, .json (XGBoost), .txt, .lgb (LightGBM), or "
    "the folder of an MLflow, transformers or SavedModel model; --framework says what made a file of another name"
)


def framework_of(path: Path, framework: str | None) -> str | None:
    """The framework of the model at a path; None for a Python file.

    Raises:
        ScriptNotFound: if there is nothing.
        ScriptUnservable: if it is neither, or not what the user says.
    """
    is_folder = os.path.isdir(path)
    if not is_folder:
        require_file(path)
    if framework is None:
        return _recognised(path)
    if path.suffix == PYTHON:
        raise ScriptUnservable(str(path), f"a Python file is no {framework} model; leave --framework away")
    if is_folder and framework not in FOLDERS:
        raise ScriptUnservable(str(path), f"a model of {framework} is a file; name it, not its folder")
    if is_folder and not is_model_folder(path):
        raise ScriptUnservable(str(path), f"a model of {framework} is a folder that holds {FOLDERS[framework]}")
    if not is_folder and framework in FOLDERS:
        raise ScriptUnservable(str(path), f"a model of {framework} is a folder that holds {FOLDERS[framework]}")
    return framework


def _recognised(path: Path) -> str | None:
    if path.suffix == PYTHON:
        return None
    framework = folder_framework(path) if os.path.isdir(path) else file_framework(path)
    if framework is None:
        raise ScriptUnservable(str(path), f"it is none of what can be served: {EXPECTED}")
    return framework
