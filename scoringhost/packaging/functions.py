"""The function app folder (Azure Functions, Python v2 model) of an entry script.

The templates are the files of the project's own `function_app/`, which the wheel carries as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoringhost.packaging.covering import pickle_warnings, uncovered_warnings
from scoringhost.packaging.output import Output, Package, PackagingError, refusing
from scoringhost.packaging.own_wheel import write_wheel
from scoringhost.packaging.pins import Installed
from scoringhost.packaging.requirement_lines import merged_requirements
from scoringhost.packaging.sources import REQUIREMENTS, Sources
from scoringhost.packaging.templates import replaced

VERBATIM = ("function_app.py", ".funcignore", "local.settings.json")
HOST, CONFIG = "host.json", "config.json"
BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
"""Brings the storage triggers to the Functions host."""


@dataclass(frozen=True, slots=True)
class Choices:
    """How the app should be.

    `wheel`: a wheel of scoringhost to carry along, in place of one of the scoringhost that is running;
    `from_index`: carry none, and name the package.
    """

    auth_level: str | None = None
    jobs: bool = False
    wheel: Path | None = None
    from_index: bool = False


def templates() -> Path:
    """The folder of the templates: in the wheel, or in a checkout."""
    carried = Path(__file__).parent / "function_app"
    return carried if carried.is_dir() else Path(__file__).parents[2] / "function_app"


@refusing()
def write_function_app(sources: Sources, folder: Path, choices: Choices, *, force: bool = False) -> Package:
    """Write a complete function app for an entry script.

    Raises:
        PackagingError: if the folder is somebody else's or cannot be written, a file beside the script
            has a name that the function app needs, or the script is not Python.
    """
    modules = sources.foreign_modules(folder)
    files = {name: path for path, name in sources.files(folder)}
    _check_names(files)
    output = Output(folder, force=force)
    for name, path in files.items():
        output.copy(path, name)
    for name in VERBATIM:
        output.copy(templates() / name, name)
    _write_host(output, choices)
    _write_config(output, files.get(CONFIG), sources, choices)
    own = sources.requirements()
    installed = Installed.of((own or "").splitlines())
    _write_requirements(output, own or "", choices)
    warnings = sources.left_out(folder) + uncovered_warnings(own, modules, installed)
    return Package(output.finish(), warnings + pickle_warnings(sources.models(folder), installed))


def _check_names(files: dict[str, Path]) -> None:
    for name in (*VERBATIM, HOST):
        if name in files and files[name].read_bytes() != (templates() / name).read_bytes():
            raise PackagingError(f"{files[name]}: the function app needs that name for itself; rename the file")


def _write_host(output: Output, choices: Choices) -> None:
    host = json.loads((templates() / HOST).read_text(encoding="utf-8"))
    if choices.jobs:
        host["extensionBundle"] = BUNDLE
    output.write(HOST, json.dumps(host, indent=2) + "\n")


def _write_config(output: Output, own: Path | None, sources: Sources, choices: Choices) -> None:
    """Settings that are deployed with the app; app settings of the same meaning beat them."""
    config = _read_config(own) if own else {}
    if sources.script.name != "score.py":
        config["script"] = sources.script.name
    if choices.auth_level:
        config["auth_level"] = choices.auth_level
    if choices.jobs:
        config["jobs"] = True
    if config:
        output.write(CONFIG, json.dumps(config, indent=2) + "\n")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise PackagingError(f"{path} is not JSON: {problem}") from None
    if not isinstance(content, dict):
        raise PackagingError(f"{path} must hold a JSON object")
    return content


def _write_requirements(output: Output, own: str, choices: Choices) -> None:
    base = (templates() / REQUIREMENTS).read_text(encoding="utf-8")
    line = write_wheel(output, "", choices.wheel, from_index=choices.from_index)
    base = replaced(base, "\nscoringhost\n", f"\n{line}", template=REQUIREMENTS)
    if choices.jobs:
        base += "azure-storage-blob>=12.14\n"
    output.write(REQUIREMENTS, merged_requirements(base, own))
