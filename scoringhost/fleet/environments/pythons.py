"""Interpreters: what one is and has, and where on this machine there is one of some version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from scoringhost.fleet.environments import probe as probe_program
from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.probe import PYTHON_MIN

PROBE_LIMIT_S = 60.0
NEWEST_MINOR = 20
"""Of the Pythons 3.x that are looked for."""

NOT_HANDED_ON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
"""Variables that speak of the Python that runs here. In another one they would bring in packages that are not its."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and the variables that its processes have other than those of this one; None removes one."""

    python: Path
    environ: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Probed:
    """What an interpreter has said of itself. `code`: the digest of its scoringhost; None if it has none."""

    python: Path
    version: tuple[int, ...]
    prefix: Path
    base: Path
    has_pip: bool
    installed: Mapping[str, str]
    code: str | None

    @property
    def version_text(self) -> str:
        """Such as 3.12.1."""
        return ".".join(map(str, self.version))

    def interpreter(self, environ: Mapping[str, str]) -> Interpreter:
        """It as it is started, by a process with these variables."""
        changes: dict[str, str | None] = dict.fromkeys(NOT_HANDED_ON)
        # Packages in ~/.local are no part of the environment; conda's and the system's Pythons would see them.
        changes["PYTHONNOUSERSITE"] = "1"
        changes["PATH"] = os.pathsep.join([str(self.prefix / "bin"), environ.get("PATH", os.defpath)])
        if (self.prefix / "pyvenv.cfg").is_file():
            changes["VIRTUAL_ENV"] = str(self.prefix)
        elif (self.prefix / "conda-meta").is_dir():
            changes["CONDA_PREFIX"] = str(self.prefix)
        return Interpreter(self.python, changes)


def without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for programs that have to do with another Python than this one."""
    return {name: value for name, value in environ.items() if name not in NOT_HANDED_ON}


def probe(python: Path, environ: Mapping[str, str]) -> Probed:
    """Ask an interpreter what it is.

    Raises:
        EnvironmentFailed: if it does not run, or is older than scoringhost needs.
    """
    # -I: neither its user's packages nor those of the working directory count.
    command = [str(python), "-I", probe_program.__file__]
    try:
        done = subprocess.run(
            command,
            env=without_ours(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_LIMIT_S,
            check=True,
        )
        found = dict(json.loads(done.stdout))
    except subprocess.CalledProcessError as problem:
        last = problem.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise EnvironmentFailed(f"{python} does not run as a Python: {''.join(last)}") from None
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError) as problem:
        raise EnvironmentFailed(f"{python} does not run as a Python: {problem}") from None
    version = tuple(found["version"])
    if version[:2] < PYTHON_MIN:
        shown = ".".join(map(str, version))
        raise EnvironmentFailed(f"{python} is Python {shown}, but scoringhost needs 3.11 or later")
    return Probed(
        python,
        version,
        Path(found["prefix"]),
        Path(found["base"]),
        found["has_pip"],
        found["installed"],
        found.get("code"),
    )


def python_in(folder: Path) -> Path:
    """The interpreter of a virtual environment, or of a conda one.

    Raises:
        EnvironmentFailed: if there is none.
    """
    python = folder / "bin" / "python"
    if not os.access(python, os.X_OK):
        raise EnvironmentFailed(f"{folder} is no folder of an environment: there is no bin/python in it that runs")
    return python


def this_python() -> Probed:
    """The interpreter that runs this, as far as it matters to what is made over it."""
    base = Path(getattr(sys, "_base_executable", sys.executable))
    return Probed(Path(sys.executable), tuple(sys.version_info[:3]), Path(sys.prefix), base, False, {}, None)


def find_python(wanted: SpecifierSet, environ: Mapping[str, str]) -> Probed:
    """A Python of a version: this one if that fits, else one of this machine. Nothing is downloaded.

    Raises:
        EnvironmentFailed: if there is none; it says where was looked.
    """
    own = this_python()
    if wanted.contains(own.version_text, prereleases=True):
        return own
    seen: set[Path] = set()
    for python in _candidates(environ):
        place = python.resolve()
        if place in seen:
            continue
        seen.add(place)
        try:
            found = probe(python, environ)
        except EnvironmentFailed:  # too old, or a shim of pyenv's with nothing behind it
            continue
        if wanted.contains(found.version_text, prereleases=True):
            return found
    raise EnvironmentFailed(
        f"there is no Python {wanted} here: neither the fleet's ({own.version_text}), nor a python3.x on the"
        f" PATH, of pyenv or of uv; install one, such as with `uv python install` or `pyenv install`"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Interpreters that there are, the newest first."""
    for minor in range(NEWEST_MINOR, PYTHON_MIN[1] - 1, -1):
        on_path = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        if on_path is not None:
            yield Path(on_path)
        for folder, pattern in _version_folders(minor, environ):
            yield from sorted(folder.glob(pattern), reverse=True)


def _version_folders(minor: int, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Where pyenv and uv keep Pythons, and how those of a version are called there."""
    home = Path(environ.get("HOME", os.sep))
    yield Path(environ.get("PYENV_ROOT", home / ".pyenv")) / "versions", f"3.{minor}.*/bin/python"
    data = Path(environ.get("XDG_DATA_HOME", home / ".local" / "share"))
    managed = Path(environ.get("UV_PYTHON_INSTALL_DIR", data / "uv" / "python"))
    yield managed, f"cpython-3.{minor}.*/bin/python3"
