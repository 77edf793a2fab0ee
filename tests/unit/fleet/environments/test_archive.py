"""Archives of environments: what is unpacked, and what is not."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from scoringhost.fleet.environments.archive import unpack
from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.installing import Installer


def packed(folder: Path, *members: tuple[str, str]) -> Path:
    """An archive with files of no content, and links: (name, where it leads)."""
    path = folder / "environment.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, target in members:
            member = tarfile.TarInfo(name)
            if target:
                member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member, io.BytesIO())
    return path


def unpacked(path: Path, folder: Path) -> Path:
    return unpack(path, folder / "packed", Installer({"PATH": os.defpath}, lambda line: None))


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", "")],
        [("bin/../../outside", "")],
        [("lib", "/tmp"), ("lib/outside", "")],
        [("lib", ".."), ("lib/outside", "")],
        [("bin/pythonic", "{}"), ("bin/pythonic/outside", "")],
        [("bin/other", sys.executable)],
        [("bin/python", sys.executable), ("bin/python", "")],
        [("bin/python", "../../other/python")],
        [("../bin/python", sys.executable)],
    ],
)
def test_nothing_is_written_outside(tmp_path: Path, members: list[tuple[str, str]]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = packed(tmp_path, *((name, target.format(elsewhere)) for name, target in members))
    before = {*tmp_path.rglob("*")}
    with pytest.raises(EnvironmentFailed, match="cannot be unpacked"):
        unpacked(path, tmp_path)
    new = {*tmp_path.rglob("*")} - before
    assert [one for one in new if not one.is_relative_to(tmp_path / "packed")] == []


@pytest.mark.parametrize(
    "links",
    [
        [("bin/python", "python3"), ("bin/python3", sys.executable)],
        [("bin/python", sys.executable), ("bin/python3", "python")],
    ],
    ids=["venv", "uv"],
)
def test_a_link_to_the_python_of_this_machine_is_kept(tmp_path: Path, links: list[tuple[str, str]]) -> None:
    path = packed(tmp_path, *links)
    python = unpacked(path, tmp_path)
    assert python == tmp_path / "packed" / "bin" / "python"
    assert python.resolve() == Path(sys.executable).resolve()


def test_a_link_to_a_python_that_is_not_here_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path, ("bin/python", "/opt/gone/bin/python3.11"))
    with pytest.raises(EnvironmentFailed, match=r"its bin/python is /opt/gone/bin/python3\.11, which is not there"):
        unpacked(path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08 broken"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "environment.tar.gz"
    path.write_bytes(content)
    with pytest.raises(EnvironmentFailed, match="cannot be unpacked"):
        unpacked(path, tmp_path)


def test_an_archive_without_a_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="no bin/python in it"):
        unpacked(packed(tmp_path, ("lib/ours.py", "")), tmp_path)
