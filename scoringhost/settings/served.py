"""What a path names that is to be served: an entry script, or a model that needs none.

Only names and the first bytes of files are looked at here; what a model is, `runtimes` knows.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from scoringhost.errors import SettingsError
from scoringhost.settings.mlserver_files import is_model_settings, model_settings_at

ENTRY_FILE = "score.py"
MLSERVER = "mlserver"
"""The framework of a model that MLServer's settings describe, in a model-settings.json or in the environment."""
MODEL_SUFFIXES = {
    ".joblib": "sklearn",
    ".pkl": "sklearn",
    ".pickle": "sklearn",
    ".onnx": "onnx",
    ".ubj": "xgboost",
    ".bst": "xgboost",
    ".lgb": "lightgbm",
}
"""The files that are models by their names alone, and what made them."""
_XGBOOST_JSON = re.compile(rb'\s*\{\s*"(?:learner"\s*:\s*\{|version"\s*:\s*\[)')
_LIGHTGBM_TEXT = b"tree"
_WEIGHTS = (".safetensors", ".bin", ".safetensors.index.json", ".bin.index.json")


def served_at(path: str | os.PathLike[str]) -> Path:
    """What is to be served at a path: the file itself; of a folder score.py, the folder if it is a model, or its model.

    A folder with neither answers the score.py that is missing.

    Raises:
        SettingsError: if the folder holds several models, or settings of several, and no score.py; names them.
    """
    path = Path(path)
    if not os.path.isdir(path):  # which is False for a name that is too long, where Path.is_dir() raises
        return path
    script = path / ENTRY_FILE
    if os.path.isfile(script):
        return script
    of_mlserver = model_settings_at(path)
    if of_mlserver is not None:
        return of_mlserver
    if is_model_folder(path):
        return path
    models = model_files(path)
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        raise SettingsError("script", str(path), f"it holds several models ({names}) and no {ENTRY_FILE}; name one")
    return models[0] if models else script


def model_in(folder: str) -> Path | None:
    """The model in a model folder, or in the only folder that it holds; None if there is none.

    Raises:
        SettingsError: if there are several.
    """
    path = Path(folder)
    if not folder or not os.path.isdir(path):
        return None
    names = _names_in(path)
    if len(names) == 1 and os.path.isdir(path / names[0]) and not is_model_folder(path):
        return model_in(str(path / names[0]))
    found = served_at(path)
    return None if found.name == ENTRY_FILE else found


def folder_of(served: Path) -> Path:
    """Where the user's other files are: beside a file, in a folder."""
    return served if os.path.isdir(served) else served.parent


def is_model_folder(path: Path) -> bool:
    """Whether a folder is a model as a whole."""
    return folder_framework(path) is not None


def folder_framework(path: Path) -> str | None:
    """What made a model that is a folder: mlflow, tensorflow or transformers; None if it is none of these."""
    if os.path.isfile(path / "MLmodel"):
        return "mlflow"
    if os.path.isfile(path / "saved_model.pb"):
        return "tensorflow"
    if os.path.isfile(path / "config.json") and any(_is_weights(name) for name in _names_in(path)):
        return "transformers"
    return None


def _is_weights(name: str) -> bool:
    return name.startswith(("model", "pytorch_model")) and name.endswith(_WEIGHTS)


def model_files(folder: Path) -> list[Path]:
    """The files in a folder that are models."""
    return [folder / name for name in _names_in(folder) if file_framework(folder / name) is not None]


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []


def file_framework(path: Path) -> str | None:
    """What made a model that is a file, by its name; of names that may be anything, by how it begins; or None."""
    if is_model_settings(path):
        return MLSERVER
    suffix = path.suffix.lower()
    if suffix in MODEL_SUFFIXES:
        return MODEL_SUFFIXES[suffix]
    if suffix == ".json" and _XGBOOST_JSON.match(_beginning(path)):
        return "xgboost"
    if suffix == ".txt" and _beginning(path).split(b"\n", 1)[0].strip() == _LIGHTGBM_TEXT:
        return "lightgbm"
    return None


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError:
        return b""
