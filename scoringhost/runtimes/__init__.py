"""A model as a service: an entry script that is made of a model file or folder, where nobody has written one.

Each framework has a module here with `load(path) -> EntryScript`, imported when such a model is served. What a model
takes and returns is read from the model itself, and its run() carries it as `Declarations`
(`script/signature.declares`), so that JSON, tensors, API documents, batches and checks work as for a score.py.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.runtimes.made import require
from scoringhost.runtimes.recognising import framework_of
from scoringhost.script.loading import EntryScript
from scoringhost.settings.mlserver_files import is_model_settings
from scoringhost.settings.served import MLSERVER, file_framework

if TYPE_CHECKING:
    from scoringhost.runtimes.mlserver import MLModel, ModelParameters, ModelSettings, Settings, log, register
    from scoringhost.runtimes.mlserver import codecs as codecs
    from scoringhost.runtimes.mlserver import errors as errors
    from scoringhost.runtimes.mlserver import types as types
    from scoringhost.runtimes.mlserver import utils as utils
    from scoringhost.runtimes.mlserver.codecs import decode_args
    from scoringhost.runtimes.mlserver.errors import MLServerError
    from scoringhost.runtimes.mlserver.handlers import custom_handler

__all__ = [
    "MLModel",
    "MLServerError",
    "ModelParameters",
    "ModelSettings",
    "Settings",
    "cautions",
    "codecs",
    "custom_handler",
    "decode_args",
    "errors",
    "load",
    "log",
    "register",
    "types",
    "utils",
]

_MODULES = {
    "sklearn": "sklearn_models",
    "onnx": "onnx_models",
    "xgboost": "xgboost_models",
    "lightgbm": "lightgbm_models",
    "mlflow": "mlflow_models",
    "transformers": "transformers_models",
    "tensorflow": "tensorflow_models",
}


_SURFACE = "scoringhost.runtimes.mlserver"
_OF_MLSERVER = {
    **dict.fromkeys(("MLModel", "ModelParameters", "ModelSettings", "Settings", "log", "register"), _SURFACE),
    **{name: f"{_SURFACE}.{name}" for name in ("codecs", "errors", "types", "utils")},
    "custom_handler": f"{_SURFACE}.handlers",
    "decode_args": f"{_SURFACE}.codecs",
    "MLServerError": f"{_SURFACE}.errors",
}
"""Names of MLServer's Python surface, and where they are."""


def load(path: Path, framework: str | None = None) -> EntryScript:
    """What is served at a path: an entry script, or one that is made for a model.

    `framework` is what the user says that made it; without it the name and the content of the file say so.

    Raises:
        StartupError: if it is not there, cannot be served, or is no such model; MissingExtra if what is to load it is
            not installed.
    """
    if framework == MLSERVER or (framework is None and is_model_settings(path)):
        from scoringhost.runtimes.mlserver import entry

        return entry.load(path)
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


def __getattr__(name: str) -> Any:
    """MLServer's Python surface, which needs pydantic and is imported when somebody asks for it.

    Raises:
        MissingExtra: if pydantic is not installed.
    """
    if name not in _OF_MLSERVER:
        raise AttributeError(f"module 'scoringhost.runtimes' has no attribute {name!r}")
    require("pydantic", "mlserver")
    home = importlib.import_module(_OF_MLSERVER[name])
    found = home if home.__name__.endswith(f".{name}") else getattr(home, name)
    globals()[name] = found
    return found
