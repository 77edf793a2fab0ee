"""Every sample brings a test of its own, as projects made from it do, and a plain `pytest` or `.ci/run` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "samples"


def test_every_sample_has_a_test_that_a_plain_pytest_runs(pytestconfig: pytest.Config) -> None:
    assert SAMPLES in [pytestconfig.rootpath / name for name in pytestconfig.getini("testpaths")]
    scripts = list(SAMPLES.glob("*/score.py"))
    assert len(scripts) >= 8
    assert [path.parent.name for path in scripts if not path.with_name("test_score.py").is_file()] == []


def test_a_sample_that_a_plain_pytest_leaves_out_is_named_in_the_run_before_landing(
    pytestconfig: pytest.Config,
) -> None:
    run = (ROOT / ".ci" / "run").read_text()
    left_out = {name for name in pytestconfig.getini("norecursedirs") if name.startswith("samples/")}
    assert left_out == {"samples/net", "samples/reviews"}
    assert all(name in run for name in left_out)
