"""What is handed to the hub to be deployed: a folder as Azure ML lays it out, and how it is run.

SOURCE/score.py, ...                 a source directory under its own name, or the entry script alone
azureml-models/NAME/0/FILE           models that are named by a path; those of the registry are laid out by the hub
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.azureml.core._no_code import write_script
from scoringhost.azureml.core._packages import warn_of_missing_packages
from scoringhost.azureml.core.conda_dependencies import CondaDependencies
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.core.model import Model
from scoringhost.azureml.core.workspace import Workspace
from scoringhost.azureml.exceptions import WebserviceException, _PathMissing
from scoringhost.hub.content import LEFT_OUT
from scoringhost.script.stand_ins.models import LAYOUT

UNREGISTERED = "0"


@dataclass
class Staged:
    """A folder for the hub. models: of the registry, as NAME:VERSION; environment: an interpreter of this machine."""

    folder: Path
    script: str
    models: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    environment: str | None = None

    def order(self) -> dict[str, Any]:
        """As the hub is told."""
        told: dict[str, Any] = {
            "script": self.script,
            "models": self.models,
            "settings": self.settings,
            "environ": self.environ,
        }
        if self.environment is not None:
            told["environment"] = self.environment
        return told


@dataclass(frozen=True, slots=True)
class Models:
    """What is deployed: models of the registry, and files and folders that are not in it, by name."""

    registered: tuple[Model, ...]
    paths: dict[str, Path]

    @property
    def ids(self) -> list[str]:
        """Those of the registry."""
        return [str(one.id) for one in self.registered]


def resolved(workspace: Workspace, models: Sequence[Model | str]) -> Models:
    """The models that are meant: objects, ids, or paths.

    Raises:
        WebserviceException: if one is none of these, or nothing is at a path.
    """
    if isinstance(models, str | bytes) or not isinstance(models, Sequence):
        raise WebserviceException(f"models: a list of models, ids and paths is expected, not {models!r}")
    registered: list[Model] = []
    paths: dict[str, Path] = {}
    for one in models:
        if isinstance(one, Model):
            registered.append(one)
        elif isinstance(one, str) and not os.path.exists(one):
            registered.append(_by_id(workspace, one))
        elif isinstance(one, str | os.PathLike):
            path = Path(one).resolve()
            paths[path.name] = path
        else:
            raise WebserviceException(f"models: a model, an id or a path is expected, not {one!r}")
    return Models(tuple(registered), paths)


def _by_id(workspace: Workspace, text: str) -> Model:
    try:
        return Model(workspace, id=text)
    except WebserviceException as problem:
        if ":" in text and "/" not in text:
            raise
        raise _PathMissing(f"models: {text!r} is neither a path nor the id of a model", problem) from problem


def stage(folder: Path, models: Models, config: InferenceConfig | None) -> Staged:
    """Fill an empty folder.

    Raises:
        WebserviceException, UserErrorException: if it cannot be deployed as it is described.
    """
    if config is None:
        staged = Staged(folder, write_script(folder, () if models.paths else models.registered))
    else:
        config.validate_configuration()  # the script may have changed since
        staged = _with_script(folder, config)
        _add_environment(staged, config)
    staged.models = models.ids
    for name, path in models.paths.items():
        target = folder / LAYOUT / name / UNREGISTERED / path.name
        target.parent.mkdir(parents=True)
        _copy(path, target)
    number = len(models.registered) + len(models.paths)
    if models.paths:  # the hub lays out and names those of the registry alone
        (name, *_) = models.paths
        staged.settings["model_dir"] = f"{LAYOUT}/{name}/{UNREGISTERED}" if number == 1 else LAYOUT
    return staged


def _with_script(folder: Path, config: InferenceConfig) -> Staged:
    if config.source_directory is None:
        shutil.copyfile(config.script, folder / config.script.name)
        return Staged(folder, config.script.name, environ={"AZUREML_ENTRY_SCRIPT": config.script.name})
    base = Path(config.source_directory).name
    _copy(Path(config.source_directory), folder / base)
    script = f"{base}/{Path(os.path.normpath(config.entry_script)).as_posix()}"
    if os.path.isabs(config.entry_script):
        script = f"{base}/{config.script.relative_to(config.source_directory).as_posix()}"
    return Staged(folder, script, environ={"AZUREML_ENTRY_SCRIPT": script, "AZUREML_SOURCE_DIRECTORY": base})


def _add_environment(staged: Staged, config: InferenceConfig) -> None:
    if config.environment is None:
        if config.conda_file:
            warn_of_missing_packages(CondaDependencies(Path(config.source_directory or "", config.conda_file)))
        return
    environment = config.environment
    staged.environ |= {name: str(value) for name, value in environment.environment_variables.items()}
    python = environment.python
    if not python.user_managed_dependencies:
        if python.conda_dependencies is not None:
            warn_of_missing_packages(python.conda_dependencies)
    elif python.interpreter_path not in ("", "python"):
        staged.environment = str(Path(python.interpreter_path).expanduser().absolute())


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)
    else:
        shutil.copytree(source, target, ignore=lambda _, names: LEFT_OUT.intersection(names))
