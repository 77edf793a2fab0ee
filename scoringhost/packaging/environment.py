"""The packages that an entry script needs: its requirements.txt, or its conda file as pip understands it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.errors import pip_install
from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.requirement_lines import package_named
from scoringhost.packaging.sources import REQUIREMENTS

CONDA_FILES = ("conda.yml", "conda.yaml", "conda_dependencies.yml", "environment.yml", "environment.yaml")
STOOD_IN_FOR = frozenset({"azureml-defaults", "azureml-inference-server-http"})
"""Packages that bring another server, with versions of Flask that ours cannot share."""

OTHER_NAMES = {
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python-headless",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ruamel_yaml": "ruamel.yaml",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
"""What conda calls differently than pip does."""

LONGER_VERSIONS = frozenset({"opencv-python-headless"})
"""Packages whose versions on PyPI have a part more than conda's: 4.8.1.78 for 4.8.1."""

_CONDAS_OWN = """
_libgcc_mutex _openmp_mutex binutils blas bzip2 c-ares ca-certificates cmake compilers cpuonly cuda cuda-toolkit
cudatoolkit cudnn curl cxx-compiler ffmpeg fontconfig freetype gcc gcc_linux-64 git glib gxx gxx_linux-64 hdf5 icu
jpeg krb5 lcms2 ld_impl_linux-64 libblas libcblas libcurl libffi libgcc libgcc-ng libgfortran libgfortran-ng
libgfortran5 libgomp liblapack libopenblas libopencv libpng libprotobuf libsodium libspatialindex libstdcxx-ng
libtiff libuuid libxml2 llvm-openmp lz4-c make mkl ncurses nodejs nomkl openblas openjdk openmpi openssl poppler
pytorch-cuda pytorch-mutex r-base readline sqlite system tesseract tk unixodbc wget xz zlib zstd
"""
NOT_FOR_PIP = frozenset(_CONDAS_OWN.split())
"""Libraries and programs that conda brings. Of some of these names PyPI has a package that is something else."""

PYTHON_MIN = (3, 11)


@dataclass(frozen=True, slots=True)
class Environment:
    """Requirements as pip reads them.

    `requirements` is None if there are none; `python` is the version asked for, like "3.12"; `files`
    are those that the requirements name, by that name.
    """

    requirements: str | None = None
    python: str | None = None
    files: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, named: Path | None) -> Environment:
        """The environment in a named file, or that beside a script: requirements.txt, or else a conda file.

        Raises:
            PackagingError: if it cannot be read, or asks for what pip cannot give.
        """
        found = [path for name in (REQUIREMENTS, *CONDA_FILES) if (path := folder / name).is_file()]
        if named is None and not found:
            return cls()
        path = named or found[0]
        warnings = [f"{other.name} is not used, as there is {path.name}" for other in found[1:] if named is None]
        if path.suffix in (".yml", ".yaml"):
            lines, python, changes = _from_conda(path)
            warnings += changes
        else:
            lines, python = _text(path).splitlines(), None
        kept = [line for line in lines if package_named(line) not in STOOD_IN_FOR]
        warnings += [f"{line.strip()} is left out: scoringhost stands in for it" for line in lines if line not in kept]
        return cls("\n".join(kept) + "\n", python, dict(_named_files(kept, path.parent, path.parent)), warnings)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise PackagingError(f"{path} cannot be read: {problem}") from None


def _named_files(lines: Iterable[str], folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Files under `root` that requirements in `folder` name: further requirements, constraints, wheels."""
    for line in lines:
        found = re.match(r"\s*(?:(-r|--requirement|-c|--constraint)[ =]*)?([^\s#]+)", line)
        if found is None or "://" in found[2]:
            continue
        path = Path(os.path.normpath(folder / found[2]))
        if path.is_file() and path.is_relative_to(root):
            yield path.relative_to(root).as_posix(), path
            if found[1]:
                yield from _named_files(_text(path).splitlines(), path.parent, root)
        elif found[1]:
            raise PackagingError(f"{line.strip()!r} names a file that is not in {root}")


# -- conda ----------------------------------------------------------------------------------------


def _from_conda(path: Path) -> tuple[list[str], str | None, list[str]]:
    """Requirement lines, the version of Python, and what was changed on the way."""
    lines: list[str] = []
    changes: list[str] = []
    python = None
    for entry in conda_file(path)["dependencies"]:
        if isinstance(entry, dict):
            lines += [str(line) for line in entry.get("pip") or []]
            continue
        name, version = split_conda(str(entry))
        if name == "python":
            python = _python(path, version)
        elif name in NOT_FOR_PIP:
            changes.append(f"{path.name}: {entry} is no Python package and is left out; take a base image that has it")
        elif name not in ("pip", "setuptools", "wheel"):
            lines.append(_for_pip(name, version))
            changes.append(f"{path.name}: conda's {entry} is installed by pip as {lines[-1]}")
    return lines, python, changes


def _for_pip(name: str, version: str) -> str:
    """The requirement for a package of conda's."""
    package = OTHER_NAMES.get(name, name)
    if package in LONGER_VERSIONS and version.startswith("==") and not version.endswith("*"):
        version += ".*"
    return package + version


def conda_file(path: Path) -> dict[str, Any]:
    """The content of a conda environment file, which has a list of `dependencies`.

    Raises:
        PackagingError: if it cannot be read, or is no such file.
    """
    try:
        import yaml
    except ImportError:
        raise PackagingError(f"reading {path.name} needs PyYAML: {pip_install('conda', 'pyyaml')}") from None
    try:
        content = yaml.safe_load(_text(path))
    except yaml.YAMLError as problem:
        raise PackagingError(f"{path} is not YAML: {problem}") from None
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        raise PackagingError(f"{path} must have a list of `dependencies`, as a conda environment file has")
    return content


def split_conda(entry: str) -> tuple[str, str]:
    """Name, and version as pip writes it, of conda's `channel::name=1.2=build` or `name>=1.2`.

    Raises:
        PackagingError: if it is neither.
    """
    found = re.fullmatch(r"(?:\S+::)?\s*([A-Za-z0-9][\w.-]*)\s*(.*)", entry.strip())
    if found is None:
        raise PackagingError(f"{entry!r} is no package as conda writes it")
    name, version = found[1].lower(), found[2].replace(" ", "")
    exact = re.fullmatch(r"(={0,2})([^=<>!~,|]+)(?:=[^=]+)?", version)
    if exact is None:
        return name, version
    number, fuzzy = exact[2], exact[1] == "=" and version.count("=") == 1
    return name, f"=={number}.*" if fuzzy and not number.endswith("*") else f"=={number}"


def _python(path: Path, version: str) -> str | None:
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None:
        return None
    asked = int(found[1]), int(found[2])
    if asked >= PYTHON_MIN:
        return f"{asked[0]}.{asked[1]}"
    if version.startswith(">"):
        return None
    raise PackagingError(f"{path} asks for python{version}, but scoringhost needs 3.11 or later; raise it there")
