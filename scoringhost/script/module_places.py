"""Where modules come from: the file or folder of one, and whether an import would find the same one again."""

from __future__ import annotations

import os
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

Modules = dict[str, ModuleType]


def finds(top: str, modules: Modules, path: list[str]) -> bool:
    """Whether an import of that name from some folders comes to the modules that are loaded."""
    spec = PathFinder.find_spec(top, path)
    if spec is None:
        return False
    if spec.origin is not None:
        file = getattr(modules.get(top), "__file__", None)
        return isinstance(file, str) and os.path.realpath(file) == os.path.realpath(spec.origin)
    folders = [str(Path(folder)) for folder in spec.submodule_search_locations or ()]
    places = [place for module in modules.values() if (place := place_of(module)) is not None]
    return all(any(f"{place}{os.sep}".startswith(f"{folder}{os.sep}") for folder in folders) for place in places)


def place_of(module: object) -> str | None:
    """The file of a module, or a folder of a package without one; None if it was made by hand."""
    try:
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            return _tidy(file)
        is_made = file is not None or getattr(module, "__spec__", None) is None
        folders = [] if is_made else list(getattr(module, "__path__", ()))
    except Exception:  # some load what they stand for when they are asked, and some packages have lost their parent
        return None
    return _tidy(str(folders[0])) if folders else None


# Texts, not Path objects: a process has some thousand modules, and each is looked at when it starts.


def _tidy(place: str) -> str:
    return str(Path(place)) if "//" in place or "/./" in place else place


def is_inside(place: str, folder: Path) -> bool:
    """Whether a file lies in a folder; an environment with packages in it does not count."""
    beginning = f"{folder}{os.sep}"
    return place.startswith(beginning) and not is_installed(place[len(beginning) :])


def is_installed(place: str) -> bool:
    """Whether a file is one of a package that is installed."""
    return "-packages" in place and not {"site-packages", "dist-packages"}.isdisjoint(place.split(os.sep))
