"""Model.get_model_path(), which finds a registered model by its name in the model folder.

Azure ML lays models out as NAME/VERSION/FILE. With several models AZUREML_MODEL_DIR is the folder
above the names; with one it is NAME/VERSION itself. Who serves a script at home has a folder with
the model in it and no such layout, so that the name cannot be compared with anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

LAYOUT = "azureml-models"
SHOWN = 10


class ModelNotFound(LookupError):
    """There is no model of that name; says where it was looked for, and what is there."""


class Model:
    """The part of azureml.core.Model that works without a workspace."""

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: object = None) -> str:
        """The path of a model: a file, or a folder if the model is one.

        Raises:
            ModelNotFound: if there is none of that name, or of that version.
        """
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            raise TypeError(f"version must be a whole number, not {version!r}")
        return str(find_model(model_name, version, os.environ, Path.cwd()))


def find_model(name: str, version: int | None, environ: Mapping[str, str], here: Path) -> Path:
    """The path of a model.

    Looked for: NAME/VERSION below $AML_APP_ROOT/azureml-models and the model folder; NAME, with any
    ending, in the model folder; NAME in the folder `here`; and the model folder, if that is one model.

    Raises:
        ModelNotFound: if there is none of that name, or of that version.
    """
    model_dir = Path(environ["AZUREML_MODEL_DIR"]) if environ.get("AZUREML_MODEL_DIR") else None
    folders = [folder / name for folder in _layouts(name, model_dir, Path(environ.get("AML_APP_ROOT") or here))]
    for folder in folders:
        found = _in_layout(folder, version)
        if found is not None:
            return found
    known = sorted({one for folder in folders for one in _versions(folder)})
    if known:
        raise ModelNotFound(f"there is no version {version} of the model {name!r}; there are {known}")
    named = _named(model_dir, name) if model_dir is not None else None
    if named is not None:
        return named
    if (here / name).exists():
        return here / name
    if model_dir is None:
        raise ModelNotFound(f"there is no model {name!r} in {here}, and no model folder is set; name it: --model-dir")
    return _the_only_model(model_dir, name)


def _layouts(name: str, model_dir: Path | None, app_root: Path) -> list[Path]:
    """The folders that may hold models as NAME/VERSION."""
    layouts = [app_root / LAYOUT]
    if model_dir is not None:
        layouts.append(model_dir)
        if model_dir.parent.name == name and model_dir.name.isdecimal():
            layouts.append(model_dir.parents[1])
    return layouts


def _in_layout(folder: Path, version: int | None) -> Path | None:
    """What is in one version of a model, or in the newest; the folder of the version if that is not one thing."""
    versions = _versions(folder)
    if not versions or (version is not None and version not in versions):
        return None
    chosen = folder / str(max(versions) if version is None else version)
    entries = list(_entries(chosen))
    return entries[0] if len(entries) == 1 else chosen


def _versions(folder: Path) -> list[int]:
    return [int(entry.name) for entry in _entries(folder) if entry.name.isdecimal() and entry.is_dir()]


def _named(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.exists():
        return exact
    alike = [entry for entry in _entries(folder) if entry.stem == name and entry.is_file() and entry.suffix != ".py"]
    return alike[0] if len(alike) == 1 else None


def _the_only_model(model_dir: Path, name: str) -> Path:
    """The one thing in the model folder, or all of it; its name is not compared with the model's.

    Raises:
        ModelNotFound: if there is nothing, or models that have names.
    """
    entries = list(_entries(model_dir))
    others = [entry.name for entry in entries if _versions(entry)]
    if not entries or others:
        there = f"it has the models {', '.join(others[:SHOWN])}" if others else "there is nothing in it"
        raise ModelNotFound(f"there is no model {name!r} in the model folder {model_dir}: {there}")
    return entries[0] if len(entries) == 1 else model_dir


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
