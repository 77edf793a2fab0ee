"""An index of packages that hold nothing, on this machine: what scoringhost needs, and a few of our own."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scoringhost.fleet.environments.making import Maker

OWN = (("numpy", "1.26.4"), ("ours", "1.0"), ("ours", "2.0"))


def write_wheel(folder: Path, name: str, version: str, needs: tuple[str, ...] = ()) -> Path:
    """A wheel with one module, which says its version."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {one}" for one in needs), ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{file},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def _needed() -> Iterator[tuple[str, str]]:
    """What scoringhost needs, with its extras, in the versions that are installed here."""
    for line in importlib.metadata.requires("scoringhost") or ():
        requirement = Requirement(line)
        try:
            yield requirement.name.replace("-", "_"), importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all of them."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in {*_needed(), *OWN}:
        write_wheel(folder, name, version)
    return folder


@pytest.fixture
def environ(wheels: Path, tmp_path: Path) -> dict[str, str]:
    """Variables by which pip and uv know that index and no other; uv is on the PATH, and conda is not."""
    programs = tmp_path / "programs"
    programs.mkdir()
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert uv is not None, "pip install '.[dev]'"
    (programs / "uv").symlink_to(uv)
    return {
        "PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_FIND_LINKS": str(wheels),
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


class Making:
    """A maker over an empty cache, and what it has said."""

    def __init__(self, cache: Path, environ: dict[str, str]) -> None:
        self.cache, self.environ, self.news = cache, environ, list[str]()

    def make(self, environment: Path, *extras: str) -> Path:
        """The interpreter for an environment."""
        maker = Maker(self.cache, self.environ, extras, self.news.append)
        return maker.make(environment).interpreter.python

    def kept(self) -> list[Path]:
        """The folders of environments in the cache."""
        return [path for path in self.cache.glob("*") if path.name not in ("locks", "wheels")]


@pytest.fixture
def making(tmp_path: Path, environ: dict[str, str]) -> Making:
    """A maker that knows that index only."""
    return Making(tmp_path / "cache", environ)
