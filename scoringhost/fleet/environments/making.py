"""From what a service's `environment` names to an interpreter that it can run in; takes as long as it takes."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoringhost.fleet.environments import archive, conda
from scoringhost.fleet.environments.cache import Make, made_once
from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.installing import Installer, Tell
from scoringhost.fleet.environments.own import (
    own_code,
    own_content,
    own_requirement,
    require_own_code,
    write_own_wheel,
)
from scoringhost.fleet.environments.probe import PACKAGE
from scoringhost.fleet.environments.pythons import Interpreter, Probed, find_python, probe, python_in, this_python
from scoringhost.fleet.environments.requirements import Requirements, read_requirements, requirements_of

FORMAT = "1"
"""Of what is in a folder; raised when environments of before cannot be used any more."""


@dataclass(frozen=True, slots=True)
class Made:
    """An interpreter that a service can run in; `folder`: its place in the cache, None if it is the user's own."""

    interpreter: Interpreter
    folder: Path | None


class Maker:
    """Makes environments, or finds those that were made before.

    `extras`: optional parts of scoringhost that are installed with it.
    """

    def __init__(self, cache: Path, environ: Mapping[str, str], extras: Sequence[str], tell: Tell) -> None:
        self._cache, self._environ, self._extras, self._tell = cache, environ, extras, tell
        self._installer = Installer(environ, tell)

    def make(self, environment: Path) -> Made:
        """The interpreter for a requirements.txt, a conda file, an archive, a folder of an environment or a Python.

        Raises:
            EnvironmentFailed: if there is none, and why.
        """
        if environment.is_dir():
            return self._users_own(python_in(environment))
        if not environment.is_file():
            raise EnvironmentFailed(f"{environment} is not there")
        if environment.name.endswith((".yml", ".yaml")):
            return self._of_conda(environment)
        if environment.name.endswith(archive.NAMES):
            return self._of_archive(environment)
        if environment.suffix == ".txt":
            return self._of_requirements(environment, read_requirements(environment), this_python())
        if os.access(environment, os.X_OK):
            return self._users_own(environment)
        raise EnvironmentFailed(
            f"{environment} is no environment: it may be a requirements.txt, a conda.yml, a .tar.gz of conda-pack or"
            f" venv-pack, the folder of a virtual environment, or the path of a python"
        )

    def _users_own(self, python: Path) -> Made:
        """An interpreter that is the user's: it is looked at, and not changed."""
        # Not resolved: bin/python of a virtual environment is a link, and it is its place that makes it one.
        probed = probe(python.absolute(), self._environ)
        require_own_code(probed, self._cache)
        return Made(probed.interpreter(self._environ), None)

    def _of_requirements(self, path: Path, requirements: Requirements, base: Probed) -> Made:
        """A virtual environment over an interpreter, with what a file asks for."""

        def make(folder: Path) -> Probed:
            self._tell_all(requirements.notes)
            self._installer.make_venv(base.base, folder / "venv")
            made = self._probed_in(folder, python_in(folder / "venv"))
            self._install(made, requirements, (), path.parent, folder)
            return made

        # The place of the base counts, too: a virtual environment is nothing without it.
        digest = self._digest("requirements", requirements.digest, base.version_text, str(base.base.resolve()))
        return self._once(digest, path, make)

    def _of_conda(self, path: Path) -> Made:
        """An environment made by conda; or by pip, if conda is not there and not needed."""
        file = conda.read_conda(path)
        tool = conda.conda_tool(self._environ)
        if tool is None:
            requirements = requirements_of(file.for_pip(), path.parent)
            return self._of_requirements(path, requirements, find_python(file.python, self._environ))
        requirements = requirements_of(file.pip, path.parent)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"

        def make(folder: Path) -> Probed:
            self._tell_all(requirements.notes)
            conda.create(file, tool, version, folder / "conda", self._installer)
            made = self._probed_in(folder, python_in(folder / "conda"))
            self._install(made, requirements, conda.pinned(file, made), path.parent, folder)
            return made

        said = repr([file.content.get("channels"), file.packages, file.content.get("variables")])
        digest = self._digest("conda", requirements.digest, said, version, Path(tool).name)
        return self._once(digest, path, make)

    def _of_archive(self, path: Path) -> Made:
        """An environment that was packed, with us on top, if it has not got us already."""

        def make(folder: Path) -> Probed:
            made = self._probed_in(folder, archive.unpack(path, folder / "packed", self._installer))
            if made.code != own_code():
                # What is in it stays as it is: it is what the model was made with.
                pins = [f"{name}=={version}" for name, version in sorted(made.installed.items()) if name != PACKAGE]
                self._install(made, requirements_of((), folder), pins, folder, folder)
            return made

        return self._once(self._digest("archive", archive.digest_of(path)), path, make)

    # -- what they share ----------------------------------------------------------------------

    def _probed_in(self, folder: Path, python: Path) -> Probed:
        """An interpreter in a folder of the cache; what is installed for it must be installed there, too."""
        made = probe(python, self._environ)
        if not made.prefix.resolve().is_relative_to(folder.resolve()):
            raise EnvironmentFailed(f"its {python.name} is no environment of its own, but that of {made.prefix}")
        return made

    def _install(
        self, into: Probed, requirements: Requirements, constraints: Sequence[str], cwd: Path, folder: Path
    ) -> None:
        """Install requirements and ourselves, with what we need, in one go: what clashes is found, and named."""
        beside = folder / "installing"
        beside.mkdir()
        extras = requirements.extras.union(self._extras)
        own = own_requirement(write_own_wheel(beside), extras, with_hash=requirements.has_hashes)
        wanted = beside / "requirements.txt"
        wanted.write_text("\n".join([*requirements.lines, own, ""]), encoding="utf-8")
        arguments = ["-r", str(wanted)]
        if constraints:
            pins = beside / "as-it-is.txt"
            pins.write_text("\n".join([*constraints, ""]), encoding="utf-8")
            arguments += ["-c", str(pins)]
        self._installer.install(into, arguments, cwd)
        shutil.rmtree(beside)
        if probe(into.python, self._environ).code != own_code():
            raise EnvironmentFailed("after the installation there is another scoringhost than the one that is running")

    def _once(self, digest: str, source: Path, make: Make) -> Made:
        made = made_once(self._cache, digest, str(source), make, self._look, self._tell)
        return Made(made.interpreter(self._environ), self._cache / digest)

    def _look(self, python: Path) -> Probed | None:
        """An interpreter that was made before, if it is still good: the Python that it was made over may have gone."""
        try:
            found = probe(python, self._environ)
        except EnvironmentFailed:
            return None
        return found if found.code == own_code() else None

    def _digest(self, *parts: str) -> str:
        said = [FORMAT, own_content(), *sorted(self._extras), *parts]
        return hashlib.sha256("\0".join(said).encode()).hexdigest()[:32]

    def _tell_all(self, notes: Sequence[str]) -> None:
        for note in notes:
            self._tell(note)
