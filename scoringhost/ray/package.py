"""What goes to a cluster: an archive with the script and its model, and the YAML file that `serve deploy` takes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.packaging.output import Output, Package, refusing
from scoringhost.packaging.sources import REQUIREMENTS, Sources
from scoringhost.ray.shape import NAME, Shape, serve_options
from scoringhost.settings import Settings
from scoringhost.settings.served import folder_of

CONFIG = "serve.yaml"
TOP = "app/"
"""The folder in the archive that everything is in: Ray takes off one that is alone, and whatever is alone."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive, so that the same files are the same archive; the earliest that zip has."""

PACKED_REQUIREMENTS = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/" + REQUIREMENTS
"""Where pip finds the requirements that came in the archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How a service runs in a cluster.

    name: of the application. settings: fields of Settings, as given. environ: variables of the replicas.
    requirements: a file of packages that each node installs for it, beside those that it has. working_dir: a
    URI that the nodes load the archive from, in place of where it was written.
    """

    name: str
    shape: Shape = field(default_factory=Shape)
    route_prefix: str = "/"
    settings: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    requirements: Path | None = None
    working_dir: str | None = None


@refusing()
def archive_of(sources: Sources, output: Path, requirements: Path | None = None, top: str = "") -> bytes:
    """A zip file of the script, what is beside it, and its model.

    output: a folder that is not to be in it. top: the folder that all is in, with a slash. Ray takes that off
    what it loads itself, and not off what it is handed on the machine that deploys.

    Raises:
        PackagingError: if a file cannot be read.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {name: path for path, name in sources.files(output)}
        if requirements is not None:
            files[REQUIREMENTS] = requirements
        for name in sorted(files):
            entry = zipfile.ZipInfo(top + name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name].read_bytes())
    return packed.getvalue()


def script_in(sources: Sources) -> str:
    """What is served, by its name in the archive."""
    return sources.script.name


def runtime_env(choices: Choices, working_dir: str) -> dict[str, Any]:
    """The environment of the replicas, as Ray wants it. working_dir: the archive's URI, or its path on this machine."""
    env: dict[str, Any] = {"working_dir": working_dir}
    if choices.environ:
        env["env_vars"] = dict(choices.environ)
    if choices.requirements is not None:
        env["pip"] = [f"-r {PACKED_REQUIREMENTS}"]
    return env


@refusing()
def write_package(
    sources: Sources, output_folder: Path, settings: Settings, choices: Choices, *, force: bool = False
) -> Package:
    """Write the archive and serve.yaml into a folder. settings: as far as they are known here.

    Raises:
        PackagingError: if a file cannot be read or written, or the folder holds somebody else's files.
    """
    content = archive_of(sources, output_folder, choices.requirements, TOP)
    # Ray loads an archive once by its name, and deploys nothing anew where the configuration is the same.
    name = f"{choices.name}-{hashlib.sha256(content).hexdigest()[:12]}.zip"
    output = Output(output_folder, force=force)
    output.write_bytes(name, content)
    here = (output_folder / name).absolute().as_uri()
    output.write(CONFIG, config_text(script_in(sources), settings, choices, choices.working_dir or here))
    warnings = sources.left_out(output_folder)
    if choices.requirements is None and (folder_of(sources.script) / REQUIREMENTS).is_file():
        warnings.append(f"{REQUIREMENTS} is not installed on the nodes; --environment {REQUIREMENTS} has that done")
    return Package(output.finish(), warnings)


def config_text(script: str, settings: Settings, choices: Choices, working_dir: str) -> str:
    """The text of serve.yaml."""
    options = {"name": NAME, **serve_options(settings, choices.shape)}
    lines = [
        "# Written by scoringhost package --target ray. Deploy it: serve deploy serve.yaml",
        "# It takes the place of all that was deployed in this way: put several applications into one file.",
        "# request_timeout_s of http_options has to stay null, or be more than scoring_timeout_ms.",
        "applications:",
        f"  - name: {_scalar(choices.name)}",
        f"    route_prefix: {_scalar(choices.route_prefix)}",
        "    import_path: scoringhost.ray:application",
        "    # Every node must be able to load it from there. Its name has a hash of what is in it: a change is seen.",
        "    runtime_env:",
        *_lines(runtime_env(choices, working_dir), 6),
        "    args:",
        *_lines({"script": script, **choices.settings}, 6),
        "    deployments:",
        *("      " + line for line in _item(options)),
    ]
    return "\n".join(lines) + "\n"


def _lines(values: Mapping[str, Any], indent: int) -> list[str]:
    """A mapping as lines of YAML."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found.append(f"{' ' * indent}{name}:")
            found += _lines(value, indent + 2)
        elif isinstance(value, list):
            found.append(f"{' ' * indent}{name}:")
            found += [f"{' ' * indent}  - {_scalar(item)}" for item in value]
        else:
            found.append(f"{' ' * indent}{name}: {_scalar(value)}")
    return found


def _item(values: Mapping[str, Any]) -> list[str]:
    """A mapping as the only item of a list."""
    first, *others = _lines(values, 2)
    return [f"- {first.strip()}", *others]


def _scalar(value: object) -> str:
    """A value as YAML writes it: JSON is YAML, and needs no rules about which texts are to be quoted."""
    return json.dumps(value)
