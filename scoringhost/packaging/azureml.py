"""The folder from which `az ml` deploys an entry script: to an online endpoint, to a batch endpoint, or to both.

Azure ML brings script and model to the containers itself, as it does for its own inference server, and says where
they are by the variables that scoringhost reads. So the image holds packages alone, and is built anew only for others.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from scoringhost.packaging import azureml_yaml, container
from scoringhost.packaging.covering import pickle_warnings, uncovered_warnings
from scoringhost.packaging.environment import Environment
from scoringhost.packaging.output import Output, Package, PackagingError, refusing
from scoringhost.packaging.own_wheel import write_wheel
from scoringhost.packaging.requirement_lines import merged_requirements
from scoringhost.packaging.sources import REQUIREMENTS, Sources
from scoringhost.settings.served import folder_of

ENVIRONMENT, BATCH_ENVIRONMENT = "environment", "batch-environment"
DRIVER = "batch_driver.py"
NAME = re.compile(r"[a-z](-?[a-z0-9]){2,31}")
"""Endpoints: 3 to 32 characters, and unique in a region."""

BATCH_DRIVER = '''"""What Azure ML's batch deployment calls: {script} for the rows of each file, or for the file."""

from pathlib import Path

from scoringhost.batch.driver import BatchDriver

driver = BatchDriver(Path(__file__).with_name("{script}"))
init, run = driver.init, driver.run
'''

BATCH_DOCKERFILE = """# Azure ML runs batch jobs in its own base image, as root and with a command of its own.
FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04
WORKDIR /requirements
COPY conda.yml requirements ./
RUN conda env create --prefix /azureml-envs/scoring --file conda.yml && conda clean --all --yes
ENV AZUREML_CONDA_ENVIRONMENT_PATH=/azureml-envs/scoring PATH=/azureml-envs/scoring/bin:$PATH
"""

BATCH_NEEDS = "azureml-core\nazureml-dataset-runtime[fuse]\n"
"""What Azure ML's own driver of batch jobs imports."""


@dataclass(frozen=True, slots=True)
class Choices:
    """How it should be deployed.

    `endpoint`: the name of the online endpoint, and with `-batch` behind it of the batch endpoint; that of the
    script's folder if it is empty. `auth_mode`: key, aml_token or aad_token. `instance_type`: the virtual machine.
    `compute`: the cluster that batch jobs run on. `timeout_ms`: of a request, at most 180,000. `image`: what the image
    is made of.
    """

    endpoint: str = ""
    auth_mode: str = "key"
    instance_type: str = "Standard_DS3_v2"
    compute: str = "batch-cluster"
    timeout_ms: int = 60_000
    image: container.Choices = container.Choices()


@refusing()
def write_azureml(sources: Sources, folder: Path, choices: Choices, *, force: bool = False) -> Package:
    """Write all that `az ml online-endpoint`, `online-deployment` and their likes for batch take for an entry script.

    Raises:
        PackagingError: if a model is to be served without a script, a file beside the script has a name that is
            needed, the endpoint cannot have its name, the folder is somebody else's or cannot be written, or the
            requirements cannot be met or read.
    """
    if sources.is_model:
        raise PackagingError(f"{sources.script} is no entry script; --target container makes an image of a model alone")
    name = _endpoint(sources, choices)
    modules = sources.foreign_modules(folder)
    environment = Environment.of(folder_of(sources.script), choices.image.environment)
    files = {file: path for path, file in sources.files(folder)}
    if DRIVER in files:
        raise PackagingError(f"{files[DRIVER]}: the batch deployment needs that name for itself; rename the file")
    output = Output(folder, force=force)
    for file, path in files.items():
        output.copy(path, file if file.startswith("model/") else f"code/{file}")
    output.write(f"code/{DRIVER}", BATCH_DRIVER.format(script=sources.script.name))
    has_model = any(file.startswith("model/") for file in files)
    words = azureml_yaml.Words(
        name, sources.script.name, has_model, choices.auth_mode, choices.instance_type, choices.compute,
        choices.timeout_ms, choices.image.port,
    )  # fmt: skip
    for file, text in azureml_yaml.files(words).items():
        output.write(file, text)
    _write_batch_environment(output, environment, choices)
    image, installed = container.write_packages(folder / ENVIRONMENT, environment, choices.image, force=force)
    warnings = sources.left_out(folder) + environment.warnings
    warnings += uncovered_warnings(environment.requirements, modules, installed)
    warnings += pickle_warnings(sources.models(folder), installed)
    output.make_readable()
    return Package(sorted([*output.finish(), *(f"{ENVIRONMENT}/{file}" for file in image)]), warnings)


def _endpoint(sources: Sources, choices: Choices) -> str:
    """The name that was given, or one made of that of the script's folder."""
    name = choices.endpoint
    if not name:
        name = re.sub(r"[^a-z0-9]+", "-", folder_of(sources.script).name.lower()).strip("-")
    if len(name) > 26 or not NAME.fullmatch(name):  # with -batch behind it it is 32
        raise PackagingError(
            f"{name!r} can be no name of an endpoint: 3 to 26 lower-case letters, digits and single hyphens, "
            "a letter first; name another one: --endpoint"
        )
    return name


def _write_batch_environment(output: Output, environment: Environment, choices: Choices) -> None:
    """A conda environment on Azure ML's own base image; what pip installs in it is what the other image has."""
    place = f"{BATCH_ENVIRONMENT}/requirements/"
    for name, path in environment.files.items():
        output.copy(path, place + name)
    own = write_wheel(output, place, choices.image.wheel, from_index=choices.image.from_index)
    output.write(place + REQUIREMENTS, merged_requirements(own + BATCH_NEEDS, environment.requirements or ""))
    python = environment.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    output.write(f"{BATCH_ENVIRONMENT}/conda.yml", azureml_yaml.conda(python))
    output.write(f"{BATCH_ENVIRONMENT}/Dockerfile", BATCH_DOCKERFILE)
