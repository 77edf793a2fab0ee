"""A conda environment file, as Azure ML has it: by conda where there is one, and by pip if it asks for nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.installing import Installer
from scoringhost.fleet.environments.pythons import Probed
from scoringhost.packaging.environment import conda_file, split_conda
from scoringhost.packaging.output import PackagingError

TOOLS = ("micromamba", "mamba", "conda")
"""What makes conda environments, the quickest first."""
BUILDERS = ("setuptools", "wheel")
"""Packages of conda's that are the same at PyPI. Of no other this is supposed."""


@dataclass(frozen=True, slots=True)
class CondaFile:
    """A conda file. `packages`: conda's, as written; `python`: what of that is asked for; `pip`: lines for pip."""

    path: Path
    content: Mapping[str, Any]
    packages: Sequence[str]
    python: SpecifierSet
    pip: Sequence[str]

    @property
    def names(self) -> frozenset[str]:
        """The packages that are asked for by name, of conda."""
        return frozenset(canonicalize_name(split_conda(one)[0]) for one in self.packages)

    def for_pip(self) -> list[str]:
        """What pip can install in place of conda, where the file asks for nothing that only conda has.

        Raises:
            EnvironmentFailed: if it does; names all of it.
        """
        lines, others = list(self.pip), []
        for package in self.packages:
            name, version = split_conda(package)
            if name in BUILDERS:
                lines.append(name + version)
            elif name not in ("python", "pip"):
                others.append(package)
        if others:
            raise EnvironmentFailed(
                f"{self.path} asks conda for {', '.join(others)}, and there is no {', '.join(TOOLS)} on the PATH:"
                f" install one, or move what PyPI has, too, into the file's pip list"
            )
        return lines


def read_conda(path: Path) -> CondaFile:
    """Read a conda file.

    Raises:
        EnvironmentFailed: if it is none, or needs what is not installed here to be read.
    """
    try:
        content = conda_file(path)
        entries = content["dependencies"]
        packages = [str(one) for one in entries if not isinstance(one, dict)]
        asked = [version for name, version in map(split_conda, packages) if name == "python"]
        pip = [str(line) for one in entries if isinstance(one, dict) for line in one.get("pip") or []]
        return CondaFile(path, content, packages, SpecifierSet(",".join(one for one in asked if one)), pip)
    except (PackagingError, InvalidSpecifier) as problem:
        raise EnvironmentFailed(f"{path}: {problem}" if str(path) not in str(problem) else str(problem)) from None


def conda_tool(environ: Mapping[str, str]) -> str | None:
    """The program that makes conda environments; None if none is on the PATH."""
    return next((found for tool in TOOLS if (found := shutil.which(tool, path=environ.get("PATH")))), None)


def create(file: CondaFile, tool: str, python: str, folder: Path, installer: Installer) -> None:
    """Make an environment with conda's packages of a file, and not yet with pip's.

    `python`: the version that is taken if the file asks for none.

    Raises:
        EnvironmentFailed: with what conda says.
    """
    names = file.names
    more = [f"python={python}"] if "python" not in names else []
    more += ["pip"] if "pip" not in names else []
    content = {key: value for key, value in file.content.items() if key not in ("name", "prefix")}
    content |= {"name": "scoringhost", "dependencies": [*file.packages, *more]}
    written = folder.parent / "conda.yml"
    written.write_text(json.dumps(content), encoding="utf-8")  # which is YAML as well
    words = ["create"] if Path(tool).name == "micromamba" else ["env", "create"]
    command = ["env", "CONDA_ALWAYS_YES=1", "MAMBA_ALWAYS_YES=1", tool, *words]
    installer.run("making a conda environment", [*command, "-p", str(folder), "-f", str(written)], file.path.parent)


def pinned(file: CondaFile, made: Probed) -> list[str]:
    """Constraints that keep pip from changing what the file asks conda for by name, unless its pip list says so."""
    names = file.names - {"python", "pip"}
    return [
        f"{name}=={version}" for name, version in sorted(made.installed.items()) if canonicalize_name(name) in names
    ]
