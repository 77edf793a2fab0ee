"""Every sample brings a test of its own, as projects made from it do, and a plain `pytest` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent.parent.parent / "samples"


def test_every_sample_has_a_test_that_a_plain_pytest_runs(pytestconfig: pytest.Config) -> None:
    assert SAMPLES in [pytestconfig.rootpath / name for name in pytestconfig.getini("testpaths")]
    scripts = list(SAMPLES.glob("*/score.py"))
    assert len(scripts) >= 8
    assert [path.parent.name for path in scripts if not path.with_name("test_score.py").is_file()] == []
