"""Which folders of a folder hold services, and whether it is a fleet as a whole.

Only names are looked at here, and the first bytes of some files; `fleet.catalogue` reads what is in them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scoringhost.errors import SettingsError
from scoringhost.settings.mlserver_files import MODEL_FILE, is_environment, is_model_settings, settings_below
from scoringhost.settings.served import ENTRY_FILE, is_model_folder, model_files

SERVICE_FILE = "service.json"
_VERSION = re.compile(r"v?\d[A-Za-z0-9._-]*")
_DEPTH = 3
"""Folders below a service's in which models with settings of MLServer's are looked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that holds one version of a service. service: the service's own folder, the same or the one above."""

    folder: Path
    service: Path


def is_fleet(path: Path) -> bool:
    """Whether a path is a folder of services, and not one service itself.

    What can be served as one script or model is. A folder with a single model that has settings of MLServer's
    somewhere below is served as that model, without a front.
    """
    if not os.path.isdir(path) or os.path.isfile(path / ENTRY_FILE) or is_model_folder(path):
        return False
    if any(not is_model_settings(model) for model in model_files(path)):
        return False
    found = places(path)
    return bool(found) and not (len(found) == 1 and os.path.isfile(found[0].folder / MODEL_FILE))


def places(root: Path) -> list[Place]:
    """All folders that hold a version of a service, in the folder of a fleet.

    A folder in which all that can be served is in folders of versions (1, 2, v3) is one service; so is one that has a
    service.json itself.
    """
    found = [place for folder in folders_in(root) for place in _places_of_service(folder)]
    own = [Place(root, root)] if _is_service(root) else []
    versions_only = bool(found) and all(
        is_version(place.folder.name) and place.folder.parent == root for place in found
    )
    if versions_only or os.path.isfile(root / SERVICE_FILE):
        return own + [Place(folder, root) for folder in folders_in(root) if _is_version_of_service(folder)]
    return own + found


def _places_of_service(folder: Path) -> Iterator[Place]:
    """The versions of a service: its own folder, and those in it."""
    if _is_service(folder):
        yield Place(folder, folder)
    if is_model_folder(folder):
        return  # whatever is in there is the model's
    for inner in folders_in(folder):
        if _is_version_of_service(inner):
            yield Place(inner, folder)
        elif not os.path.isfile(folder / ENTRY_FILE):
            for file in settings_below(inner, _DEPTH):
                own = file.parent
                yield Place(own, own.parent if is_version(own.name) else own)


def _is_version_of_service(folder: Path) -> bool:
    if os.path.isfile(folder / SERVICE_FILE):
        return True
    return is_version(folder.name) and _holds_service(folder)


def is_version(name: str) -> bool:
    """Whether a folder's name says that it is a version: a number, also with a v before it, and whatever follows."""
    return _VERSION.fullmatch(name) is not None


def served_in(folder: Path) -> Path | None:
    """What is served of a folder itself: score.py, its model-settings.json, the whole folder, or its only model.

    Raises:
        SettingsError: if it holds several models; names them.
    """
    for name in (ENTRY_FILE, MODEL_FILE):
        if os.path.isfile(folder / name):
            return folder / name
    if is_model_folder(folder):
        return folder
    models = model_files(folder)
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        why = f"it holds several models ({names}) and no {ENTRY_FILE}; name one as script in a {SERVICE_FILE}"
        raise SettingsError("script", str(folder), why)
    return models[0] if models else None


def _holds_service(folder: Path) -> bool:
    """Whether a folder itself has a script or a model to serve."""
    return os.path.isfile(folder / ENTRY_FILE) or is_model_folder(folder) or bool(model_files(folder))


def _is_service(folder: Path) -> bool:
    """Whether a folder is a version of a service by itself, and not only through the folders of versions in it."""
    if _holds_service(folder):
        return True
    return os.path.isfile(folder / SERVICE_FILE) and not any(map(_is_version_of_service, folders_in(folder)))


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones, caches, and environments of Python or Node."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
    inner = [folder / name for name in names if not name.startswith((".", "__"))]
    return [one for one in inner if not is_environment(str(one))]
