"""What an MLflow model folder was saved with, and is not installed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scoringhost.checking.findings import Finding, Severity
from scoringhost.runtimes.mlflow_folder import MLMODEL, REQUIREMENTS, mismatch_warning


def unmet_requirements(folder: Path) -> Iterator[Finding]:
    """One finding, if the model folder's requirements.txt names what this environment has not."""
    if not (folder / MLMODEL).is_file():
        return
    warning = mismatch_warning(folder)
    if warning:
        remedy = f"pip install -r {folder.name}/{REQUIREMENTS}, or save the model with what is used."
        yield Finding(Severity.WARNING, "requirements", warning, remedy, folder / REQUIREMENTS)
