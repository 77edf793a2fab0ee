"""scoringhost deploy --target ray, as far as it needs no cluster: what it refuses, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main


def deploy(*words: str) -> Result:
    return CliRunner().invoke(main, ["deploy", *words])


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "score.py").write_text("def run(data):\n    return data\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "ray", "--min", "1"], "--min"),
        (["--target", "ray", "--workspace", "w"], "--workspace"),
        (["--replicas", "2"], "--replicas"),
        (["--num-gpus", "0"], "--num-gpus"),
        (["--target", "ray", "--replicas", "few"], "'few' is neither N nor MIN-MAX"),
        (["--target", "ray", "--num-cpus", "-1"], "-1"),
        (["--target", "ray", "--setting", "threads"], "is not KEY=VALUE"),
    ],
)
def test_a_word_that_does_not_fit_is_a_usage_error(script: str, words: list[str], said: str) -> None:
    result = deploy(script, *words)
    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_what_is_no_file_ends_with_3() -> None:
    result = deploy("/nowhere/score.py", "--target", "ray")
    assert (result.exit_code, "there is no file or folder" in result.output) == (3, True)


def test_without_ray_the_extra_is_named(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = deploy(script, "--target", "ray")
    assert (result.exit_code, "ray[serve] is not installed" in result.output) == (3, True)
