"""The folder from which a container image of an entry script is built.

Its Dockerfile is the project's own, which the wheel carries as well, with other things copied. What
changes seldom comes first: the packages, then the model, then the script.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from scoringhost.packaging.environment import Environment
from scoringhost.packaging.output import Output, Package, refusing
from scoringhost.packaging.requirement_lines import merged_requirements
from scoringhost.packaging.sources import REQUIREMENTS, Sources
from scoringhost.packaging.templates import TemplateChanged, replaced

DOCKERFILE, IGNORE = "Dockerfile", ".dockerignore"
NEEDED = "*\n!app\n!model\n!requirements\n**/__pycache__\n"
"""The .dockerignore: nothing else reaches the builder."""

PORT = 5001


@dataclass(frozen=True, slots=True)
class Choices:
    """How the image should be.

    `environment`: a requirements or conda file instead of the one beside the script; `wheel`: a wheel
    of scoringhost to carry along.
    """

    base_image: str | None = None
    port: int = PORT
    environment: Path | None = None
    wheel: Path | None = None


def template() -> str:
    """The project's own Dockerfile: in the wheel, or in a checkout."""
    carried = Path(__file__).parent / DOCKERFILE
    return (carried if carried.is_file() else Path(__file__).parents[2] / DOCKERFILE).read_text(encoding="utf-8")


@refusing()
def write_container(sources: Sources, folder: Path, choices: Choices, *, force: bool = False) -> Package:
    """Write all that `docker build` needs for an entry script.

    Raises:
        PackagingError: if the folder is somebody else's or cannot be written, the requirements cannot
            be met or read, or the script is not Python.
    """
    imports = sources.third_party(folder)
    environment = Environment.of(sources.script.parent, choices.environment)
    files = list(sources.files(folder))
    output = Output(folder, force=force)
    for path, name in files:
        output.copy(path, name if name.startswith("model/") else f"app/{name}")
    _write_requirements(output, environment, choices.wheel)
    has_model = any(name.startswith("model/") for _, name in files)
    output.write(
        DOCKERFILE, _dockerfile(sources.script.name, _base_image(environment, choices), choices.port, has_model)
    )
    output.write(IGNORE, NEEDED)
    output.make_readable()
    warnings = sources.left_out(folder) + environment.warnings + _warnings(environment, imports)
    return Package(output.finish(), warnings)


def _base_image(environment: Environment, choices: Choices) -> str:
    """The one chosen, or Python's own of the version asked for: that of a conda file, or else the one here."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return choices.base_image or f"python:{environment.python or here}-slim-bookworm"


def _dockerfile(script: str, base_image: str, port: int, has_model: bool) -> str:
    # without what stands above the first ARG, which says how the project's own image is built
    start = "\nARG BASE_IMAGE="
    _, found, text = template().partition(start)
    if not found:
        raise TemplateChanged(DOCKERFILE, start)
    paragraphs = [part for part in f"ARG BASE_IMAGE={text}".split("\n\n") if "AS wheel" not in part]
    text = "\n\n".join(paragraphs)
    changes = {
        "ARG BASE_IMAGE=python:3.11-slim-bookworm\n": f"ARG BASE_IMAGE={base_image}\n",
        "COPY --from=wheel /requirements ./\n": "COPY requirements ./\n",
        "COPY samples/diabetes ./\n": ("COPY model model\n" if has_model else "") + "COPY app ./\n",
        "AZUREML_ENTRY_SCRIPT=score.py ": f"AZUREML_ENTRY_SCRIPT={shlex.quote(script)} ",
        "SERVER_PORT=5001\n": f"SERVER_PORT={port}\n",
        "EXPOSE 5001\n": f"EXPOSE {port}\n",
    }
    for own, packed in changes.items():
        text = replaced(text, own, packed, template=DOCKERFILE)
    return f"# Serves {script} with scoringhost: docker build -t NAME . && docker run -p {port}:{port} NAME\n{text}"


def _write_requirements(output: Output, environment: Environment, wheel: Path | None) -> None:
    if wheel is not None:
        output.copy(wheel, f"requirements/{wheel.name}")
    for name, path in environment.files.items():
        output.copy(path, f"requirements/{name}")
    base = f"./{wheel.name}\n" if wheel is not None else "scoringhost\n"
    output.write(f"requirements/{REQUIREMENTS}", merged_requirements(base, environment.requirements or ""))


def _warnings(environment: Environment, imports: list[str]) -> list[str]:
    if environment.requirements is not None or not imports:
        return []
    return [f"there is no {REQUIREMENTS} or conda file beside the script, but it imports: {', '.join(imports)}"]
