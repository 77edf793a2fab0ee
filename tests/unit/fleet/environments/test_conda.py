"""A conda file: what it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.fleet.environments.conda import conda_tool, read_conda
from scoringhost.fleet.environments.errors import EnvironmentFailed


def written(folder: Path, *lines: str) -> Path:
    path = folder / "conda.yml"
    path.write_text("\n".join(["name: wine", "dependencies:", *lines, ""]))
    return path


@pytest.mark.parametrize(
    ("asked", "version", "fits"),
    [
        ("python=3.12", "3.12.7", True),
        ("python=3.12", "3.11.7", False),
        ("python=3.12.7", "3.12.7", True),
        ("python 3.12.*", "3.12.7", True),
        ("conda-forge::python>=3.11,<3.13", "3.12.7", True),
        ("python>=3.11,<3.13", "3.13.1", False),
        ("python", "3.13.1", True),
    ],
)
def test_the_python_is_read_as_conda_means_it(tmp_path: Path, asked: str, version: str, fits: bool) -> None:
    assert read_conda(written(tmp_path, f"- {asked}")).python.contains(version) is fits


def test_builders_of_packages_are_the_same_at_pypi(tmp_path: Path) -> None:
    path = written(tmp_path, "- python=3.12", "- pip=23", "- setuptools=69.1", "- pip: [ours]")
    assert read_conda(path).for_pip() == ["ours", "setuptools==69.1.*"]


@pytest.mark.parametrize("lines", [["- '- -'"], ["- python=3.11|3.12"], ["  a: b: c"]])
def test_what_is_no_conda_file_is_refused_by_its_path(tmp_path: Path, lines: list[str]) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(EnvironmentFailed, match=r"conda\.yml"):
        read_conda(path).for_pip()


def test_the_quickest_of_condas_programs_is_taken(tmp_path: Path) -> None:
    assert conda_tool({"PATH": str(tmp_path)}) is None
    for name in ("conda", "micromamba"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert conda_tool({"PATH": str(tmp_path)}) == str(tmp_path / name)
