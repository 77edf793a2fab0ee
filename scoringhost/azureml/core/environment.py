"""The environment of an entry script: packages, variables, an image.

A service here runs in the Python that deploys it, unless an environment names another interpreter. Its packages are
compared with what is installed, and what is missing is named.
"""

from __future__ import annotations

import copy
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core._numbered import Numbered
from scoringhost.azureml.core.conda_dependencies import CondaDependencies
from scoringhost.azureml.core.container_registry import ContainerRegistry
from scoringhost.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace

__all__ = ["CondaDependencies", "ContainerRegistry", "DockerSection", "Environment", "PythonSection"]

_DEFINITION, _CONDA, _DOCKERFILE = "azureml_environment.json", "conda_dependencies.yml", "BaseDockerfile"
CURATED = "AzureML-"


@dataclass(slots=True)
class PythonSection:
    """The packages. user_managed_dependencies: nobody compares them with what is installed.

    interpreter_path: what runs the script then, such as the python of a virtual environment; plain "python" is the one
    that deploys.
    """

    user_managed_dependencies: bool = False
    interpreter_path: str = "python"
    conda_dependencies_file: str | None = None
    base_conda_environment: str | None = None
    conda_dependencies: CondaDependencies | None = field(default_factory=CondaDependencies)


@dataclass(slots=True)
class DockerSection:
    """The image. It has a meaning for `Model.package` alone: a service here is a process."""

    base_image: str | None = None
    base_dockerfile: str | None = None
    base_image_registry: ContainerRegistry = field(default_factory=ContainerRegistry)
    enabled: bool = False
    arguments: list[str] = field(default_factory=list)
    shared_volumes: bool = True
    gpu_support: bool = False
    shm_size: str | None = None
    platform: object = None


@dataclass(slots=True)
class Environment:
    """Packages, variables and an image by name. An attribute that it has not got cannot be set."""

    name: str
    version: str | None = None
    python: PythonSection = field(default_factory=PythonSection)
    docker: DockerSection = field(default_factory=DockerSection)
    environment_variables: dict[str, str] = field(default_factory=dict)
    inferencing_stack_version: str | None = None
    spark: object = None
    r: object = None

    # -- making -------------------------------------------------------------------------------------

    @staticmethod
    def from_conda_specification(name: str, file_path: str | os.PathLike[str]) -> Environment:
        """One with the packages of a conda file.

        Raises:
            FileNotFoundError: if there is none.
            UserErrorException: if it is no conda file.
        """
        return Environment(name, python=PythonSection(conda_dependencies=CondaDependencies(file_path)))

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
        """One with the packages of a requirements.txt.

        Raises:
            FileNotFoundError: if there is none.
        """
        lines = [line.strip() for line in Path(file_path).read_text(encoding="utf-8").splitlines()]
        packages = CondaDependencies.create(pip_packages=[line for line in lines if line and not line.startswith("#")])
        packages.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        return Environment(name, python=PythonSection(conda_dependencies=packages))

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: str | None = None,
        pip_requirements: str | None = None,
    ) -> Environment:
        """One with an image, which `Model.package` builds on. Without packages it is taken to have what is needed.

        Raises:
            UserErrorException: if both kinds of packages are given.
        """
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        made.docker.base_image_registry = container_registry or ContainerRegistry()
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str | os.PathLike[str],
        conda_specification: str | None = None,
        pip_requirements: str | None = None,
    ) -> Environment:
        """One with a Dockerfile: its path, or its text."""
        made = _with_packages(name, conda_specification, pip_requirements)
        text = str(dockerfile)
        is_path = "\n" not in text and Path(text).is_file()
        made.docker.base_dockerfile = Path(text).read_text(encoding="utf-8") if is_path else text
        return made

    def clone(self, new_name: str) -> Environment:
        """The same under another name, not registered yet."""
        made = copy.deepcopy(self)
        made.name, made.version = new_name, None
        return made

    # -- keeping ------------------------------------------------------------------------------------

    def register(self, workspace: Workspace) -> Environment:
        """Keep it in a workspace, as the next version of its name: "1", "2", ...

        Raises:
            UserErrorException: if it cannot be a name.
        """
        made = copy.deepcopy(self)
        made.version = self.version = str(_kept(workspace).add(self.name, to_json(self)))
        return made

    @staticmethod
    def get(workspace: Workspace, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """One that was registered; the newest version, if none is said.

        Azure's own ones, whose names begin with AzureML-, are not here: they are answered as one without packages.

        Raises:
            UserErrorException: if there is none of that name, or no such version.
        """
        kept = _kept(workspace)
        if name.startswith(CURATED) and not kept.versions(name):
            warnings.warn(f"{name} is not here: a service runs in the Python that deploys it", stacklevel=2)
            return Environment(name, python=PythonSection(user_managed_dependencies=True, conda_dependencies=None))
        return from_json(kept.get(name, version))

    @staticmethod
    def list(workspace: Workspace) -> dict[str, Environment]:
        """The newest version of each, by name."""
        return {name: Environment.get(workspace, name) for name in _kept(workspace).names()}

    def save_to_directory(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write it into a folder, as files that people can read and `load_from_directory` does.

        Raises:
            UserErrorException: if there is such a folder, and it may not be overwritten.
        """
        folder = Path(path)
        if folder.exists() and not overwrite:
            raise UserErrorException(f"{folder} is there already; overwrite=True writes into it")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _DEFINITION).write_text(json.dumps(to_json(self), indent=4), encoding="utf-8")
        if self.python.conda_dependencies is not None:
            self.python.conda_dependencies.save(folder / _CONDA)
        if self.docker.base_dockerfile:
            (folder / _DOCKERFILE).write_text(self.docker.base_dockerfile, encoding="utf-8")

    @staticmethod
    def load_from_directory(path: str | os.PathLike[str]) -> Environment:
        """The reverse; what is in the files beside the definition goes before it.

        Raises:
            UserErrorException: if it is no such folder.
        """
        folder = Path(path)
        if not (folder / _DEFINITION).is_file():
            raise UserErrorException(f"there is no {_DEFINITION} in {folder}")
        made = from_json(json.loads((folder / _DEFINITION).read_text(encoding="utf-8")))
        if (folder / _CONDA).is_file():
            made.python.conda_dependencies = CondaDependencies(folder / _CONDA)
        if (folder / _DOCKERFILE).is_file():
            made.docker.base_dockerfile = (folder / _DOCKERFILE).read_text(encoding="utf-8")
        return made


def _kept(workspace: Workspace) -> Numbered:
    return Numbered(workspace._folder / "environments", "environment")


def _with_packages(name: str, conda_specification: str | None, pip_requirements: str | None) -> Environment:
    if conda_specification and pip_requirements:
        raise UserErrorException("conda_specification and pip_requirements: only one of them is possible")
    if conda_specification:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements:
        return Environment.from_pip_requirements(name, pip_requirements)
    return Environment(name, python=PythonSection(user_managed_dependencies=True, conda_dependencies=None))


def to_json(environment: Environment) -> dict[str, Any]:
    """As a value of JSON, with the SDK's keys; passwords are left out."""
    python, docker = environment.python, environment.docker
    packages = python.conda_dependencies
    return {
        "name": environment.name,
        "version": environment.version,
        "environmentVariables": dict(environment.environment_variables or {}),
        "python": {
            "userManagedDependencies": python.user_managed_dependencies,
            "interpreterPath": python.interpreter_path,
            "condaDependenciesFile": python.conda_dependencies_file,
            "baseCondaEnvironment": python.base_conda_environment,
            "condaDependencies": packages.as_dict() if packages is not None else None,
        },
        "docker": {
            "baseImage": docker.base_image,
            "baseDockerfile": docker.base_dockerfile,
            "baseImageRegistry": {**asdict(docker.base_image_registry), "password": None, "registry_identity": None},
            "arguments": list(docker.arguments),
        },
        "inferencingStackVersion": environment.inferencing_stack_version,
    }


def from_json(content: Mapping[str, Any]) -> Environment:
    """The reverse of `to_json`; also of what the SDK writes, with parts that have no counterpart here."""
    python, docker = content.get("python") or {}, content.get("docker") or {}
    packages = python.get("condaDependencies")
    registry = docker.get("baseImageRegistry") or {}
    return Environment(
        str(content.get("name") or "environment"),
        content.get("version"),
        PythonSection(
            bool(python.get("userManagedDependencies")),
            python.get("interpreterPath") or "python",
            python.get("condaDependenciesFile"),
            python.get("baseCondaEnvironment"),
            CondaDependencies(_underlying_structure=packages) if packages else None,
        ),
        DockerSection(
            docker.get("baseImage"),
            docker.get("baseDockerfile"),
            ContainerRegistry(registry.get("address"), registry.get("username")),
            arguments=list(docker.get("arguments") or []),
        ),
        dict(content.get("environmentVariables") or {}),
        content.get("inferencingStackVersion"),
    )
