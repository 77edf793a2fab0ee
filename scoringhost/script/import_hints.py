"""What to do about an import that fails: what brings the module, or where in the project it lies."""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from scoringhost.script.distributions import distribution_of
from scoringhost.script.files import entries_of, files_below
from scoringhost.script.module_places import is_installed
from scoringhost.script.stand_ins.table import STAND_INS
from scoringhost.script.tracebacks import frames_of

SHARED = frozenset({"azure", "azureml", "google"})
"""Packages that many distributions put their modules into; no module of a user's own is called so."""
MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
"""What lies in the uppermost folder of a project."""
MOST_UPWARDS = 3
"""Folders above that of the script that may be of its project."""


def of_failed_import(error: ImportError, script: Path) -> str:
    """Who imports what is missing, and what to do; empty if nothing is known. The error needs its `name`."""
    name = error.name or ""
    where = _importer(error) or str(script)
    if not isinstance(error, ModuleNotFoundError):
        return _of_missing_name(name, where) if name in STAND_INS else ""
    package = distribution_of(name)
    if package is not None:
        version = _version(package)
        if version is not None:
            return (
                f"{where} imports {name!r}, which the installed {package} {version} does not have; see its changelog."
            )
        # Some projects have an evaluate.py or datasets.py of their own.
        found = _place_in_project(name.partition(".")[0], script)
        if found is None:
            return f"{where} imports {name!r}, which is not installed. Run `pip install {package}`."
        return _of_local_module(name, where, found)
    return _of_module_without_package(name, where, script)


def _of_local_module(name: str, where: str, found: Path) -> str:
    return (
        f"{where} imports {name!r}, which is not installed. It is a local module, {found}: "
        f"start with `--app-root {found.parent}`, or put it beside the script."
    )


def _of_missing_name(name: str, where: str) -> str:
    """What to do about a name that a stand-in does not have."""
    package = distribution_of(name)
    install = f" Run `pip install {package}` for all of it." if package is not None else ""
    return (
        f"{where} imports a name from {name!r} that is not in scoringhost's stand-in: {STAND_INS[name].says}.{install}"
    )


def _of_module_without_package(name: str, where: str, script: Path) -> str:
    """What to do about a module that no known package brings.

    PyPI is not spoken of as if it had one of that name: it may be anybody's.
    """
    top = name.partition(".")[0]
    what = f"{where} imports {name!r}, which"
    if top in SHARED:
        return f"{what} is not installed. No package is known that brings it; the documentation of {top} names it."
    spec = _spec_of(top) if top != name else None
    if spec is not None:
        return f"{what} {_place_of(spec) or repr(top)} does not have. Correct the import, or put that module there."
    beside = [entry.stem for entry in entries_of(script.parent) if entry.suffix == ".py" and entry != script]
    near = difflib.get_close_matches(top, beside, n=1)
    if near:
        return f"{where} imports {top!r}. Did you mean {near[0]!r}, which is beside the script?"
    found = _place_in_project(top, script)
    if found is not None:
        return _of_local_module(name, where, found)
    return (
        f"{what} is not installed, nor is it beside the script. A module of your own belongs beside the script, or "
        "into the folder that --app-root names; a package is to be installed by the name that its documentation gives."
    )


def _place_in_project(name: str, script: Path) -> Path | None:
    return None if name in SHARED else next(_places_in_project(name, script), None)


def _places_in_project(name: str, script: Path) -> Iterator[Path]:
    """The modules and packages of that name in the project, those near the script first."""
    for folder in _project_folders(script):
        for path in files_below(folder):
            if path.suffix != ".py" or is_installed(str(path)):
                continue
            if path.stem == name and path.parent != script.parent:
                yield path
            elif path.parent.name == name and path.parent != folder:
                yield path.parent


def _project_folders(script: Path) -> list[Path]:
    """The folder of the script and those above it up to that of the project, or else the working directory."""
    above = [script.parent, *script.parent.parents][: MOST_UPWARDS + 1]
    for count, folder in enumerate(above):
        if any((folder / mark).exists() for mark in MARKS):
            return above[: count + 1]
    here = Path.cwd()
    return above[: above.index(here) + 1] if here in above else above[:1]


def _spec_of(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def _place_of(spec: ModuleSpec) -> str:
    folders = list(spec.submodule_search_locations or ())
    return str(folders[0]) if folders else spec.origin or ""


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _importer(error: BaseException) -> str:
    """The innermost file and line of a traceback that is not Python's own import machinery."""
    places = [(file, line) for file, line in frames_of(error) if not file.startswith("<frozen ")]
    return f"{places[-1][0]}, line {places[-1][1]}," if places else ""
