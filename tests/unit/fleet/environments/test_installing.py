"""Programs that are run: what is passed on of what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.installing import Installer, reason_in


def test_the_reason_begins_with_the_first_error() -> None:
    assert reason_in(["Collecting ours", "", "ERROR: no", "  because"]) == "ERROR: no\n  because"


def test_without_an_error_the_last_lines_are_the_reason() -> None:
    assert reason_in([f"line {n}" for n in range(100)]).splitlines() == [f"line {n}" for n in range(88, 100)]


def test_news_are_passed_on_while_it_runs_and_a_failure_has_its_lines(tmp_path: Path) -> None:
    told: list[str] = []
    installer = Installer({"PATH": os.defpath, "PYTHONPATH": "/elsewhere"}, told.append)
    program = "echo 'Collecting ours (from line 1)'; echo noise; echo \"ERROR: PYTHONPATH is <$PYTHONPATH>\"; exit 3"
    with pytest.raises(EnvironmentFailed, match=r"making failed \(exit code 3\):\nERROR: PYTHONPATH is <>"):
        installer.run("making", ["sh", "-c", program], tmp_path)
    assert told == ["Collecting ours"]


def test_a_program_that_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    installer = Installer({"PATH": str(tmp_path)}, lambda line: None)
    with pytest.raises(EnvironmentFailed, match="making failed: .*no-such-program"):
        installer.run("making", [str(tmp_path / "no-such-program")], tmp_path)
