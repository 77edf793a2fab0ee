"""What a package would miss: imports and pickles that need what nothing installs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scoringhost.packaging.pins import Installed, modules_in_pickle
from scoringhost.packaging.sources import REQUIREMENTS


def uncovered_warnings(requirements: str | None, modules: Iterable[str], installed: Installed) -> list[str]:
    """What the script imports that no requirement brings, with the versions here."""
    missing = ", ".join(installed.uncovered(modules))
    if not missing:
        return []
    if requirements is None:
        return [f"there is no {REQUIREMENTS} or conda file beside the script, but it imports: {missing}"]
    return [f"no requirement brings what the script imports: {missing}"]


def pickle_warnings(models: Iterable[Path], installed: Installed) -> list[str]:
    """What the pickles need that no requirement brings."""
    warnings = []
    for path in models:
        missing = ", ".join(installed.uncovered(sorted(modules_in_pickle(path))))
        if missing:
            warnings.append(f"no requirement brings what {path.name} needs to be loaded: {missing}")
    return warnings
