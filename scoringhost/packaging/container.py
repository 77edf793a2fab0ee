"""The folder from which a container image of an entry script is built.

Its Dockerfile is the project's own, which the wheel carries as well, with other things copied. What
changes seldom comes first: the packages, then the model, then the script.
"""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from scoringhost._version import __version__
from scoringhost.packaging.covering import pickle_warnings, uncovered_warnings
from scoringhost.packaging.digests import digest_of
from scoringhost.packaging.environment import Environment
from scoringhost.packaging.models import LAYOUT, NamedModel
from scoringhost.packaging.output import Output, Package, refusing
from scoringhost.packaging.own_wheel import own_requirement, write_wheel
from scoringhost.packaging.pins import PINNED, Installed
from scoringhost.packaging.requirement_lines import merged_requirements
from scoringhost.packaging.sources import REQUIREMENTS, Sources
from scoringhost.packaging.templates import TemplateChanged, replaced
from scoringhost.settings.served import folder_of

DOCKERFILE, IGNORE = "Dockerfile", ".dockerignore"
NEEDED = "*\n!app\n!model\n!requirements\n**/__pycache__\n"
"""The .dockerignore: nothing else reaches the builder."""

PORT = 5001


@dataclass(frozen=True, slots=True)
class Choices:
    """How the image should be.

    `environment`: a requirements or conda file instead of the one beside the script; `wheel`: a wheel
    of scoringhost to carry along, in place of one of the scoringhost that is running; `from_index`:
    carry none, and name the package; `labels`: of the image, besides those that it gets anyway;
    `models`: files and folders that are laid out as Azure ML does it, in place of the model folder;
    `pin_base_image`: name the base image by its digest, for which docker is asked; `extras`: optional
    parts of scoringhost that it must have.
    """

    base_image: str | None = None
    port: int = PORT
    environment: Path | None = None
    wheel: Path | None = None
    from_index: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    models: tuple[NamedModel, ...] = ()
    pin_base_image: bool = False
    extras: tuple[str, ...] = ()


def template() -> str:
    """The project's own Dockerfile: in the wheel, or in a checkout."""
    carried = Path(__file__).parent / DOCKERFILE
    return (carried if carried.is_file() else Path(__file__).parents[2] / DOCKERFILE).read_text(encoding="utf-8")


@refusing()
def write_container(
    sources: Sources, folder: Path, choices: Choices, *, force: bool = False, within: Path | None = None
) -> Package:
    """Write all that `docker build` needs for an entry script.

    `within`: the folder that this one is a part of, if there is one; nothing of it is a source.

    Raises:
        PackagingError: if the folder is somebody else's or cannot be written, the requirements cannot
            be met or read, or the script is not Python.
    """
    written = within or folder
    modules = sources.foreign_modules(written)
    environment = Environment.of(folder_of(sources.script), choices.environment)
    if environment.requirements is None and sources.is_model:
        environment = replace(environment, requirements=sources.requirements())
    base_image = _base_image(environment, choices)
    files = list(sources.files(written))
    output = Output(folder, force=force)
    for path, name in files:
        output.copy(path, name if name.startswith("model/") else f"app/{name}")
    models = [file for model in choices.models for file in model.files()]
    for path, name in models:
        output.copy(path, f"app/{name}")
    installed = Installed.of([*_requirement_lines(environment), own_requirement(choices.extras)])
    _write_requirements(output, environment, choices, installed)
    has_model = any(name.startswith("model/") for _, name in files)
    output.write(DOCKERFILE, _dockerfile(sources.script, base_image, choices, has_model))
    output.write(IGNORE, NEEDED)
    output.make_readable()
    warnings = sources.left_out(written) + environment.warnings
    warnings += uncovered_warnings(environment.requirements, modules, installed)
    warnings += pickle_warnings([*sources.models(written), *(path for path, _ in models)], installed)
    warnings += [f"nothing is pinned, as the requirements ask for {other}" for other in installed.others]
    return Package(output.finish(), warnings)


@refusing()
def write_packages(
    folder: Path, environment: Environment, choices: Choices, *, force: bool = False
) -> tuple[list[str], Installed]:
    """Write all that `docker build` needs for an image of the packages alone, which is told where script and model are.

    Returns the names of the files, and what of the packages is installed here.

    Raises:
        PackagingError: if the folder is somebody else's or cannot be written, or the requirements cannot be met.
    """
    base_image, port = _base_image(environment, choices), choices.port
    labels = _labels("", base_image, choices)
    output = Output(folder, force=force)
    installed = Installed.of(_requirement_lines(environment))
    _write_requirements(output, environment, choices, installed)
    changes = {
        "COPY samples/diabetes ./\n": "",
        "AZUREML_ENTRY_SCRIPT=score.py SERVER_PORT=5001\n": f"SERVER_PORT={port}\n{labels}",
        "EXPOSE 5001\n": f"EXPOSE {port}\n",
    }
    output.write(DOCKERFILE, f"# The packages of an entry script, and scoringhost.\n{_changed(base_image, changes)}")
    output.write(IGNORE, "*\n!requirements\n**/__pycache__\n")
    output.make_readable()
    return output.finish(), installed


def _base_image(environment: Environment, choices: Choices) -> str:
    """The one chosen, or Python's own of the version asked for: that of a conda file, or else the one here."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    image = choices.base_image or f"python:{environment.python or here}-slim-bookworm"
    return f"{image}@{digest_of(image)}" if choices.pin_base_image and "@" not in image else image


def _dockerfile(path: Path, base_image: str, choices: Choices, has_model: bool) -> str:
    script, port = path.name, choices.port
    labels = _labels(path.parent.name, base_image, choices)
    changes = {
        "COPY samples/diabetes ./\n": ("COPY model model\n" if has_model else "") + "COPY app ./\n",
        "AZUREML_ENTRY_SCRIPT=score.py ": f"AZUREML_ENTRY_SCRIPT={shlex.quote(script)} ",
        "SERVER_PORT=5001\n": f"SERVER_PORT={port}{_model_dir(choices)}\n{labels}",
        "EXPOSE 5001\n": f"EXPOSE {port}\n",
    }
    text = _changed(base_image, changes)
    return f"# Serves {script} with scoringhost: docker build -t NAME . && docker run -p {port}:{port} NAME\n{text}"


def _changed(base_image: str, changes: dict[str, str]) -> str:
    """The project's own Dockerfile, with packages that are copied from the folder and other texts in place of some."""
    # without what stands above the first ARG, which says how the project's own image is built
    start = "\nARG BASE_IMAGE="
    _, found, text = template().partition(start)
    if not found:
        raise TemplateChanged(DOCKERFILE, start)
    text = "\n\n".join(part for part in f"ARG BASE_IMAGE={text}".split("\n\n") if "AS wheel" not in part)
    always = {
        "ARG BASE_IMAGE=python:3.11-slim-bookworm\n": f"ARG BASE_IMAGE={base_image}\n",
        "COPY --from=wheel /requirements ./\n": "COPY requirements ./\n",
    }
    for own, packed in {**always, **changes}.items():
        text = replaced(text, own, packed, template=DOCKERFILE)
    return text


def _model_dir(choices: Choices) -> str:
    """Where Azure ML has its models: the folder of the one that there is, or the one above several."""
    if not choices.models:
        return ""
    return f" AZUREML_MODEL_DIR=/app/{choices.models[0].place if len(choices.models) == 1 else LAYOUT}"


def _labels(title: str, base_image: str, choices: Choices) -> str:
    """The labels by which an image is told from others (https://specs.opencontainers.org/image-spec/annotations/)."""
    base, _, digest = base_image.partition("@")
    labels = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.base.name": base,
        "org.opencontainers.image.base.digest": digest,
        "io.scoringhost.version": __version__,
        **dict(choices.labels),
    }
    texts = [f"{json.dumps(name)}={json.dumps(value)}" for name, value in labels.items() if value]
    return f"LABEL {' '.join(texts)}\n".replace("$", "\\$")


def _requirement_lines(environment: Environment) -> list[str]:
    """The lines of the requirements, and of the further files of requirements that they name."""
    lines = (environment.requirements or "").splitlines()
    for name, path in environment.files.items():
        if path.suffix == ".txt" and "constraint" not in name:
            lines += path.read_text(encoding="utf-8").splitlines()
    return lines


def _write_requirements(output: Output, environment: Environment, choices: Choices, installed: Installed) -> None:
    for name, path in environment.files.items():
        output.copy(path, f"requirements/{name}")
    base = write_wheel(output, "requirements/", choices.wheel, from_index=choices.from_index, extras=choices.extras)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    # What another Python, or another version of a package that is asked for, would need may be others, too.
    if environment.python in (None, here) and not installed.others:
        output.write(f"requirements/{PINNED}", installed.pins())
        base = f"-c {PINNED}\n{base}"
    output.write(f"requirements/{REQUIREMENTS}", merged_requirements(base, environment.requirements or ""))
