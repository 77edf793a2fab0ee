"""An entry script, and what it needs: checked where it is written down."""

from __future__ import annotations

import ast
import keyword
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoringhost.azureml._hub import warn_of
from scoringhost.azureml.core.container_registry import ContainerRegistry
from scoringhost.azureml.core.environment import Environment, from_json
from scoringhost.azureml.exceptions import UserErrorException, WebserviceException

RUNTIMES = ("python",)


class InferenceConfig:
    """An entry script with the folder that is deployed with it, and its environment."""

    def __init__(
        self,
        entry_script: str | os.PathLike[str],
        runtime: str | None = None,
        conda_file: str | os.PathLike[str] | None = None,
        extra_docker_file_steps: str | None = None,
        source_directory: str | os.PathLike[str] | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: ContainerRegistry | None = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        """entry_script, conda_file: below the source directory, or, without one, from here.

        Raises:
            WebserviceException: if something is not there, or does not go with something else; with all that is wrong.
            UserErrorException: if the script is no Python.
        """
        self.entry_script = os.fspath(entry_script) if entry_script else ""
        self.runtime, self.conda_file = runtime, os.fspath(conda_file) if conda_file else None
        self.extra_docker_file_steps = extra_docker_file_steps
        self.source_directory = os.path.realpath(source_directory) if source_directory else None
        self.enable_gpu, self.cuda_version, self.description = enable_gpu, cuda_version, description
        self.base_image, self.base_image_registry = base_image, base_image_registry or ContainerRegistry()
        self.environment = environment
        self.validate_configuration()
        names = ("extra_docker_file_steps", "enable_gpu", "cuda_version")
        warn_of("InferenceConfig", {name: getattr(self, name) for name in names})

    def __repr__(self) -> str:
        return (
            f"InferenceConfig(entry_script={self.entry_script!r}, source_directory={self.source_directory!r}, "
            f"conda_file={self.conda_file!r}, environment={self.environment.name if self.environment else None!r})"
        )

    @property
    def script(self) -> Path:
        """The path of the entry script."""
        return Path(self.source_directory or "", self.entry_script)

    def validate_configuration(self) -> None:
        """Check it again, as when it was made.

        Raises:
            WebserviceException, UserErrorException: as there.
        """
        problems = [*self._problems_of_parts(), *self._problems_of_script(), *self._problems_of_files()]
        if problems:
            raise WebserviceException("\n".join(problems))
        self.validation_script_content()

    def validation_script_content(self) -> None:
        """Check that the script can be compiled.

        Raises:
            UserErrorException: if it cannot; with the file and the line.
        """
        try:
            ast.parse(self.script.read_bytes(), str(self.script))
        except OSError as problem:
            raise UserErrorException(f"{self.script} cannot be read: {problem.strerror}", problem) from problem
        except (SyntaxError, ValueError) as problem:
            raise UserErrorException(f"{self.script} is no Python: {problem}", problem) from problem

    def _problems_of_parts(self) -> list[str]:
        """What does not go together."""
        environment: object = self.environment
        if environment is not None and not isinstance(environment, Environment):
            return [f"environment: an Environment is expected, not {environment!r}"]
        found = []
        others = ("runtime", "conda_file", "extra_docker_file_steps", "enable_gpu", "cuda_version", "base_image")
        given = [name for name in others if getattr(self, name)]
        if self.environment is not None and given:
            found.append(f"{', '.join(given)}: not beside an environment, which says it itself")
        if (
            self.environment is not None
            and self.environment.docker.base_image
            and self.environment.docker.base_dockerfile
        ):
            found.append("environment.docker: base_image or base_dockerfile, not both")
        if self.runtime and self.runtime.lower() not in RUNTIMES:
            found.append(f"runtime: {' or '.join(RUNTIMES)} is expected, not {self.runtime!r}")
        return found

    def _problems_of_script(self) -> list[str]:
        """What is wrong with the name or the place of the script."""
        if not self.entry_script:
            return ["entry_script: the path of a script is expected"]
        if self.source_directory and not Path(self.source_directory).is_dir():
            return [f"source_directory: there is no folder {self.source_directory}"]
        if not self.script.is_file():
            where = (
                f"below the source directory {self.source_directory}" if self.source_directory else f"in {Path.cwd()}"
            )
            return [f"entry_script: there is no file {self.entry_script} {where}"]
        folder = Path(self.source_directory or ".").resolve()
        if self.source_directory and folder not in self.script.resolve().parents:
            return [f"entry_script: {self.entry_script} is not in the source directory {folder}"]
        if self.script.suffix != ".py":
            return [f"entry_script: a Python file (.py) is expected, not {self.entry_script}"]
        if not self.script.stem.isidentifier() or keyword.iskeyword(self.script.stem):
            return [f"entry_script: {self.script.stem!r} is no name that Python could import"]
        return []

    def _problems_of_files(self) -> list[str]:
        """Which of the other files are not there."""
        found = []
        for name in ("conda_file", "extra_docker_file_steps"):
            value = getattr(self, name)
            if value and not Path(self.source_directory or "", value).is_file():
                found.append(f"{name}: there is no file {value}")
        return found


def inference_config_from_json(content: Mapping[str, Any], **instead: Any) -> InferenceConfig:
    """What an inferenceconfig.json of `az ml` says; `instead`: parameters that go before it.

    Raises:
        WebserviceException, UserErrorException: if it cannot be; names a key that is not known.
    """
    known = {
        "entryScript": "entry_script",
        "runtime": "runtime",
        "condaFile": "conda_file",
        "extraDockerfileSteps": "extra_docker_file_steps",
        "sourceDirectory": "source_directory",
        "enableGpu": "enable_gpu",
        "baseImage": "base_image",
        "baseImageRegistry": "base_image_registry",
        "cudaVersion": "cuda_version",
        "description": "description",
        "environment": "environment",
    }
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise WebserviceException(f"inferenceconfig: unknown {', '.join(unknown)}; known: {', '.join(known)}")
    given = {known[key]: value for key, value in content.items() if value is not None}
    if isinstance(given.get("environment"), Mapping):
        given["environment"] = from_json(given["environment"])
    if isinstance(given.get("base_image_registry"), Mapping):
        registry = given["base_image_registry"]
        given["base_image_registry"] = ContainerRegistry(registry.get("address"), registry.get("username"))
    if "entry_script" not in {**given, **instead}:
        raise WebserviceException("inferenceconfig: there is no entryScript")
    return InferenceConfig(**{**given, **instead})
