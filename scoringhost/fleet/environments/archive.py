"""An archive of a whole environment, as conda-pack and venv-pack make it; MLServer calls it `environment_tarball`."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path, PurePosixPath

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.installing import Installer
from scoringhost.fleet.environments.pythons import python_in

NAMES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


def digest_of(path: Path) -> str:
    """The digest of a file.

    Raises:
        EnvironmentFailed: if it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise EnvironmentFailed(f"{path} cannot be read: {problem.strerror}") from None


def unpack(path: Path, folder: Path, installer: Installer) -> Path:
    """Unpack an archive into a folder; returns the interpreter in it.

    Raises:
        EnvironmentFailed: if it is none, would write outside of the folder, or has no interpreter that could run here.
    """
    if not hasattr(tarfile, "data_filter"):
        raise EnvironmentFailed(f"{path}: archives need the tarfile of Python 3.11.4 or later")
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter=_kept)
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise EnvironmentFailed(f"{path} cannot be unpacked: {problem}") from None
    python = python_in(_root(folder))
    unpacking = python.with_name("conda-unpack")
    if unpacking.is_file():
        # It writes the place where the environment is now into scripts and libraries: nothing is moved after this.
        installer.run("conda-unpack", [str(python), str(unpacking)], folder)
    return python


def _kept(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """What tarfile's own `data` filter keeps, and links of bin/python to the Python that it was made with.

    venv-pack keeps such links, to the machine's Python and to each other (python3 -> python -> /usr/bin/python3.11);
    nothing can be written through them, as where a file would go is looked at with all links followed.
    """
    name, target = PurePosixPath(member.name), PurePosixPath(member.linkname)
    is_python = member.issym() and name.parent.name == "bin" and name.name.startswith("python")
    is_beside = len(target.parts) == 1 and target.name.startswith("python")
    if not is_python or not (is_beside or target.is_absolute()):
        return tarfile.data_filter(member, folder)
    if target.is_absolute() and not os.access(target, os.X_OK):
        raise tarfile.FilterError(
            f"its {member.name} is {member.linkname}, which is not there on this machine; pack it with conda-pack,"
            f" or with the --python-prefix of venv-pack"
        )
    # The filter looks at everything but the target, which is made one that it takes.
    checked = tarfile.data_filter(member.replace(linkname="python-of-this-machine"), folder)
    return checked.replace(linkname=member.linkname)


def _root(folder: Path) -> Path:
    """Where the environment begins: the folder, or the only one in it, if it was packed with its name."""
    inside = list(folder.iterdir())
    if len(inside) == 1 and (inside[0] / "bin").is_dir():
        return inside[0]
    return folder
