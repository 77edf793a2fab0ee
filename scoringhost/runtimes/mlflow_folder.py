"""What an MLflow model folder holds, without MLflow: its flavors, its requirements, its sample."""

from __future__ import annotations

import logging
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scoringhost.errors import ScriptUnservable
from scoringhost.runtimes.made import require

MLMODEL, REQUIREMENTS = "MLmodel", "requirements.txt"
PYFUNC = "python_function"

logger = logging.getLogger("azmlinfsrv.mlflow")


def require_pyfunc(folder: Path) -> None:
    """Nothing, if the model of a folder can be served.

    Raises:
        ScriptUnservable: if its MLmodel cannot be read, or the model has no flavor that can predict; says which it has.
    """
    yaml = require("yaml", "mlflow")
    try:
        found = yaml.safe_load((folder / MLMODEL).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ScriptUnservable(str(folder), f"its {MLMODEL} cannot be read: {problem}") from None
    flavors: Any = found.get("flavors") if isinstance(found, dict) else None
    if not isinstance(flavors, dict):
        raise ScriptUnservable(str(folder), f"its {MLMODEL} names no flavors")
    if PYFUNC not in flavors:
        others = ", ".join(sorted(map(str, flavors))) or "none"
        raise ScriptUnservable(str(folder), f"the model has no flavor {PYFUNC}, but {others}; save it with one")


def mismatches(folder: Path) -> list[str]:
    """What the folder's requirements.txt wants and this environment has not: `scikit-learn==1.4 (1.9.1)`."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        lines = (folder / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        try:
            wanted = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue  # an empty line, an option, a file beside
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        installed = _installed(wanted.name)
        if not installed or not wanted.specifier.contains(installed, prereleases=True):
            found.append(f"{wanted.name}{wanted.specifier} ({installed or 'not installed'})")
    return found


def _installed(name: str) -> str:
    """The version of a package that is installed; of `mlflow`, mlflow-skinny's will do."""
    for one in (name, "mlflow-skinny") if name == "mlflow" else (name,):
        try:
            return version(one)
        except PackageNotFoundError:
            continue
    return ""


def mismatch_warning(folder: Path) -> str:
    """One sentence on all that does not fit; empty if everything does."""
    found = mismatches(folder)
    if not found:
        return ""
    wanted = ", ".join(found)
    return (
        f"{folder.name}: {REQUIREMENTS} wants what is not installed here (Python {platform.python_version()}): {wanted}"
    )


def warn_of_mismatches(folder: Path) -> None:
    """Log the sentence, if there is one to log."""
    warning = mismatch_warning(folder)
    if warning:
        logger.warning("%s", warning)
