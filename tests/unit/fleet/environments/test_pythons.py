"""Interpreters that are asked what they are, and those that are found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.own import own_code
from scoringhost.fleet.environments.pythons import find_python, probe

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"

PRETENDER = """#!/bin/sh
echo '{{"version": {version}, "prefix": "/", "base": "{base}", "has_pip": true, "installed": {{}}}}'
"""


def pretender(path: Path, version: str) -> Path:
    """A program that says of itself that it is a Python of that version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PRETENDER.format(version=version.replace(".", ",").join("[]"), base=path))
    path.chmod(0o755)
    return path


def test_this_python_has_this_scoringhost(environ: dict[str, str]) -> None:
    found = probe(Path(sys.executable), environ)
    assert (found.version, found.prefix, found.code) == (sys.version_info[:3], Path(sys.prefix), own_code())
    assert found.installed["scoringhost"] == "0.1.0"


def test_one_that_is_too_old_is_told_by_its_version(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(EnvironmentFailed, match=r"is Python 3\.9\.18, but scoringhost needs 3\.11 or later"):
        probe(pretender(tmp_path / "python", "3.9.18"), environ)


@pytest.mark.parametrize(
    ("program", "said"),
    [("#!/bin/sh\necho no such command >&2; exit 127\n", "no such command"), ("#!/bin/sh\necho 3.12\n", ""), ("", "")],
)
def test_what_is_no_python_is_refused(tmp_path: Path, environ: dict[str, str], program: str, said: str) -> None:
    path = tmp_path / "python"
    path.write_text(program)
    path.chmod(0o755)
    with pytest.raises(EnvironmentFailed, match=f"python does not run as a Python: .*{said}"):
        probe(path, environ)


def test_this_python_is_taken_where_it_fits(environ: dict[str, str]) -> None:
    for wanted in ("", f"=={OWN}.*", ">=3.11"):
        assert find_python(SpecifierSet(wanted), environ).python == Path(sys.executable)


@pytest.mark.parametrize(
    "place",
    [
        "programs/python3.19",
        ".pyenv/versions/3.19.2/bin/python",
        ".local/share/uv/python/cpython-3.19.2-linux-x86_64-gnu/bin/python3",
    ],
)
def test_another_is_found_where_pythons_are(tmp_path: Path, environ: dict[str, str], place: str) -> None:
    pretender(tmp_path / ".pyenv" / "shims" / "python3.19", "3.9.1")
    expected = pretender(tmp_path / place, "3.19.2")
    environ["PATH"] = f"{tmp_path / '.pyenv' / 'shims'}:{environ['PATH']}" if "pyenv" in place else environ["PATH"]
    assert find_python(SpecifierSet("==3.19.*"), environ).python == expected


def test_where_there_is_none_it_is_said_where_was_looked(environ: dict[str, str]) -> None:
    with pytest.raises(EnvironmentFailed, match=r"no Python ==3\.19\.\* here: neither the fleet's .*PATH.*pyenv.*uv"):
        find_python(SpecifierSet("==3.19.*"), environ)
