"""What a model that is served without a script needs to be installed."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from scoringhost.packaging.pins import Installed, modules_in_pickle
from scoringhost.settings.mlserver_files import is_model_settings, read_model_settings
from scoringhost.settings.served import file_framework, folder_framework

PACKAGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "sklearn": (("scikit-learn",),),
    "onnx": (("onnxruntime", "onnxruntime-gpu"),),
    "xgboost": (("xgboost", "xgboost-cpu"),),
    "lightgbm": (("lightgbm",),),
    "mlflow": (("mlflow", "mlflow-skinny"),),
    "transformers": (("transformers",), ("torch",)),
    "tensorflow": (("tensorflow", "tensorflow-cpu"),),
}
"""The packages that a framework's models need, each under the names that it may have; the first is the usual one."""


def requirements_of_model(path: Path) -> list[str]:
    """The requirements of a model, in the versions that are installed here."""
    if is_model_settings(path):
        return [_pinned(names) for names in _of_runtime(path)]
    framework = folder_framework(path) if path.is_dir() else file_framework(path)
    lines = [_pinned(names) for names in PACKAGES.get(framework or "", ())]
    if path.is_file():
        others = Installed.of(lines).uncovered(sorted(modules_in_pickle(path)))
        lines += [other.partition(" ")[0] for other in others if "==" in other]
    return lines


def _of_runtime(settings: Path) -> tuple[tuple[str, ...], ...]:
    """What loads a model of MLServer's kind: its framework's packages for MLServer's own runtimes, or else pydantic."""
    from scoringhost.runtimes.mlserver import known_runtimes  # which brings numpy along

    known = known_runtimes.KNOWN.get(str(read_model_settings(settings, {}).values.get("implementation")))
    if known is not None and known.framework is not None:
        return PACKAGES[known.framework]
    return (("pydantic",),)


def _pinned(names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return f"{name}=={importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return names[0]
