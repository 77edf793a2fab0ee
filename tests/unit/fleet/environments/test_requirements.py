"""A requirements.txt as lines that mean the same from elsewhere, and what changes its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.requirements import read_requirements, requirements_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("ours-1.0-py3-none-any.whl", "limits.txt", "more.txt", "project/pyproject.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "wheels").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-r more.txt  # why", "-r {}/more.txt  # why"),
        ("--requirement=more.txt", "--requirement={}/more.txt"),
        ("-climits.txt", "-c{}/limits.txt"),
        ("-e ./project[all]", "-e {}/project[all]"),
        ("./project", "{}/project"),
        ("./project[all]; python_version > '3'", "{}/project[all]; python_version > '3'"),
        ("ours-1.0-py3-none-any.whl", "{}/ours-1.0-py3-none-any.whl"),
        ("--find-links wheels", "--find-links {}/wheels"),
        ("-f https://example.com/wheels", "-f https://example.com/wheels"),
        ("-e git+https://example.com/ours#egg=ours", "-e git+https://example.com/ours#egg=ours"),
        ("--extra-index-url https://example.com/simple", "--extra-index-url https://example.com/simple"),
        ("ours @ file:///tmp/ours-1.0-py3-none-any.whl", "ours @ file:///tmp/ours-1.0-py3-none-any.whl"),
        ("project", "project"),
        ("ours==1.0 \\", "ours==1.0 \\"),
        ("    --hash=sha256:00", "    --hash=sha256:00"),
    ],
)
def test_paths_are_made_absolute_and_nothing_else_is_changed(folder: Path, line: str, expected: str) -> None:
    assert requirements_of([line], folder).lines == [expected.format(folder)]


def digest(folder: Path, *lines: str) -> str:
    return requirements_of(lines, folder).digest


def test_comments_and_blank_lines_do_not_count(folder: Path) -> None:
    assert digest(folder, "ours", "", "# why") == digest(folder, "  ours")
    assert digest(folder, "ours") != digest(folder, "ours>=1")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("-r more.txt", "more.txt"),
        ("-c limits.txt", "limits.txt"),
        ("./project", "project/pyproject.toml"),
        ("./project", "project/new.py"),
        ("-e ./project", "project/pyproject.toml"),
        ("./ours-1.0-py3-none-any.whl", "ours-1.0-py3-none-any.whl"),
        ("ours @ file://{}/ours-1.0-py3-none-any.whl", "ours-1.0-py3-none-any.whl"),
    ],
)
def test_the_content_of_what_a_line_names_counts(folder: Path, line: str, name: str) -> None:
    before = digest(folder, line.format(folder))
    assert digest(folder, line.format(folder)) == before
    (folder / name).write_text("changed")
    assert digest(folder, line.format(folder)) != before


def test_files_are_included_through_several_and_in_a_circle(folder: Path) -> None:
    (folder / "more.txt").write_text("-c project/limits.txt\n-r more.txt\n")
    limits = folder / "project" / "limits.txt"
    limits.write_text("ours<2")
    before = digest(folder, "-r more.txt")
    limits.write_text("ours<3")
    assert digest(folder, "-r more.txt") != before


def test_an_included_file_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "requirements.txt").write_text("-r less.txt\n")
    with pytest.raises(EnvironmentFailed, match=r"less\.txt cannot be read"):
        read_requirements(folder / "requirements.txt")


def test_what_is_asked_for_of_scoringhost_is_its_extras(folder: Path) -> None:
    found = requirements_of(["scoringhost[grpc, metrics]>=0.1  # ours", "ours"], folder)
    assert found.lines == ["ours"]
    assert found.extras == {"grpc", "metrics"}
    assert found.digest != digest(folder, "ours")


def test_another_scoringhost_than_the_one_that_is_running_is_refused(folder: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"scoringhost>=7 is asked for, but scoringhost 0\.1\.0 is running"):
        requirements_of(["scoringhost>=7"], folder)
