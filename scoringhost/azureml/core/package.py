"""Images: what `docker build` needs for a script with its models, written into a folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core._staging import Models, resolved, stage
from scoringhost.azureml.core.container_registry import ContainerRegistry
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.exceptions import WebserviceException
from scoringhost.errors import StartupError
from scoringhost.packaging.container import Choices, write_container
from scoringhost.packaging.models import NamedModel
from scoringhost.packaging.output import Package, PackagingError
from scoringhost.packaging.sources import Sources

if TYPE_CHECKING:
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.workspace import Workspace

CONDA = "conda.yml"


class ModelPackage:
    """A folder for `docker build`, or the image that is built of it. It is there when `package` returns.

    state: NotStarted, Running, Succeeded or Failed. location: the folder, or the name of the image.
    """

    def __init__(self, workspace: Workspace, folder: Path, written: Package, image: str | None) -> None:
        self.workspace, self.state = workspace, "Succeeded"
        self._folder, self._written, self._image = folder, written, image
        self.location = image or str(folder)
        weakref.finalize(self, shutil.rmtree, folder.parent, ignore_errors=True)

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Nothing is left to wait for; `show_output` prints what should be known."""
        if show_output and self._written.warnings:
            import sys

            sys.stdout.write(f"{self.get_logs()}\n")

    def update_creation_state(self) -> None:
        """It does not change any more."""

    def get_logs(self, decode: bool = True, offset: int = 0) -> str:
        """The files that were written, and what should be known of them."""
        lines = [*self._written.files, *(f"warning: {line}" for line in self._written.warnings)]
        return "\n".join(lines)[offset:]

    def get_container_registry(self) -> ContainerRegistry:
        """Images stay on this machine: a registry without an address, which nobody logs in to."""
        return ContainerRegistry()

    def save(self, output_directory: str) -> None:
        """Write the folder for `docker build`.

        Raises:
            WebserviceException: if it was asked for an image, or this is no folder.
        """
        if self._image is not None:
            raise WebserviceException(
                "an image cannot be saved into a folder: pull() builds it; or generate_dockerfile=True"
            )
        target = Path(output_directory)
        if target.exists() and not target.is_dir():
            raise WebserviceException(f"output_directory: a folder is expected, and {target} is none")
        shutil.copytree(self._folder, target, dirs_exist_ok=True)

    def pull(self) -> None:
        """Build the image with docker, on this machine.

        Raises:
            WebserviceException: if it was asked for a Dockerfile, or docker is not there, or has failed.
        """
        if self._image is None:
            raise WebserviceException("a package with a Dockerfile cannot be pulled; save() writes it")
        try:
            done = subprocess.run(
                ["docker", "build", "-t", self._image, str(self._folder)], capture_output=True, text=True, check=False
            )
        except OSError as problem:
            self.state = "Failed"
            raise WebserviceException(f"docker is needed to build {self._image}: {problem.strerror}", problem) from None
        if done.returncode:
            self.state = "Failed"
            raise WebserviceException(f"docker could not build {self._image}:\n{done.stderr[-4000:]}")

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON."""
        return {"state": self.state, "location": self.location, "packageType": "Image" if self._image else "Dockerfile"}


def package(
    workspace: Workspace,
    models: Sequence[Model | str],
    config: InferenceConfig | None,
    *,
    image: str | None,
) -> ModelPackage:
    """Write it. image: its name and label; None: the folder is what is wanted.

    Raises:
        WebserviceException: if there is no script, or it cannot be packed.
    """
    if config is None:
        raise WebserviceException("inference_config: one is needed to package, with the entry script")
    chosen = resolved(workspace, models)
    folder = Path(tempfile.mkdtemp(prefix="scoringhost-package-")) / "package"
    with tempfile.TemporaryDirectory(prefix="scoringhost-") as temporary:
        staged = Path(temporary) / "app"
        staged.mkdir()
        script = staged / stage(staged, Models((), {}), config).script
        if config.source_directory is not None and script.parent.parent != staged:
            raise WebserviceException(f"entry_script: {config.entry_script} must be at the top of its source directory")
        choices = Choices(
            base_image=config.base_image or _image_of(config),
            environment=_packages(config, script.parent),
            models=tuple(_named(chosen, Path(temporary) / "models")),
        )
        try:
            written = write_container(Sources.of(script, None), folder, choices)
        except (PackagingError, StartupError) as problem:
            raise WebserviceException(str(problem), problem) from problem
    _add_variables(folder / "Dockerfile", config)
    return ModelPackage(workspace, folder, written, image)


def _image_of(config: InferenceConfig) -> str | None:
    environment = config.environment
    if environment is None:
        return None
    if environment.docker.base_dockerfile:
        raise WebserviceException("environment.docker.base_dockerfile: name an image in its place, as base_image")
    return environment.docker.base_image


def _packages(config: InferenceConfig, folder: Path) -> Path | None:
    """The conda file that says what is installed; None: what lies beside the script, if anything."""
    if config.conda_file:
        return Path(config.source_directory or "", config.conda_file).absolute()
    environment = config.environment
    if environment is None or environment.python.user_managed_dependencies:
        return None
    if environment.python.conda_dependencies is None:
        return None
    return Path(environment.python.conda_dependencies.save(folder / CONDA))


def _named(models: Models, folder: Path) -> list[NamedModel]:
    """The models where they can be copied from, with their names and versions."""
    found = [NamedModel(name, 0, path) for name, path in models.paths.items()]
    for one in models.registered:
        path = one.download(folder / one.name / str(one.version))
        found.append(NamedModel(one.name, one.version, Path(path)))
    return found


def _add_variables(dockerfile: Path, config: InferenceConfig) -> None:
    variables = config.environment.environment_variables if config.environment is not None else {}
    # JSON's quotes are those of a Dockerfile, which reads a dollar sign in them as the beginning of a variable.
    lines = [f"ENV {name}={json.dumps(str(value)).replace('$', chr(92) + '$')}" for name, value in variables.items()]
    if lines:
        text = dockerfile.read_text(encoding="utf-8")
        dockerfile.write_text(text.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
