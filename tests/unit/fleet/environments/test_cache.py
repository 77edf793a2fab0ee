"""What is kept, what is in use, and what is removed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scoringhost.fleet.environments.cache import cache_folder, cached, hold, made_once, remove_unused
from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.pythons import Probed, this_python

NOW = datetime.now(UTC)


def made(cache: Path, digest: str, days_ago: int = 0) -> Path:
    def make(folder: Path) -> Probed:
        python = folder / "python"
        python.write_text("")
        own = this_python()
        return Probed(python, own.version, own.prefix, own.base, False, {}, None)

    folder = made_once(cache, digest, f"{digest}.txt", make, lambda python: None, lambda line: None).python.parent
    then_s = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(folder / "environment.json", (then_s, then_s))
    return folder


def test_what_was_unused_for_long_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    old, held, new = made(tmp_path, "old", 40), made(tmp_path, "held", 50), made(tmp_path, "new", 3)
    mark = hold(held)
    assert [(one.folder, one.source, one.in_use) for one in cached(tmp_path)] == [
        (held, "held.txt", True),
        (old, "old.txt", False),
        (new, "new.txt", False),
    ]
    since = NOW - timedelta(days=30)
    assert [one.folder for one in remove_unused(tmp_path, since)] == [old]
    assert (old.exists(), held.exists(), new.exists()) == (False, True, True)
    mark.close()
    assert [one.folder for one in remove_unused(tmp_path, since)] == [held]


def test_what_is_half_made_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    assert cached(tmp_path) == []


def test_a_making_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> Probed:
        (folder / "half").write_text("")
        raise EnvironmentFailed("no")

    with pytest.raises(EnvironmentFailed, match="no"):
        made_once(tmp_path, "one", "one.txt", fail, lambda python: None, lambda line: None)
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"SCORINGHOST_CACHE": "/big/cache", "HOME": "/home/me"}, "/big/cache"),
        ({"XDG_CACHE_HOME": "/var/cache", "HOME": "/home/me"}, "/var/cache/scoringhost/environments"),
        ({"HOME": "/home/me"}, "/home/me/.cache/scoringhost/environments"),
    ],
)
def test_where_they_are_kept(environ: dict[str, str], expected: str) -> None:
    assert cache_folder(environ) == Path(expected)


def test_without_a_home_it_must_be_said_where(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="SCORINGHOST_CACHE"):
        cache_folder({})
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailed, match="cannot be kept in .*SCORINGHOST_CACHE"):
        made(tmp_path / "file", "one")
