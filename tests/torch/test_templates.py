"""The templates that need PyTorch; `.ci/run` runs this in an environment that has it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parent.parent.parent / "samples"


def scoringhost(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "scoringhost", *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("template", ["torch", "transformers"])
def test_a_new_project_passes_its_check_and_its_own_test(tmp_path: Path, template: str) -> None:
    assert "scoringhost serve my_project" in scoringhost(tmp_path, "init", "my_project", "--template", template)
    assert scoringhost(tmp_path, "check", "--strict", "my_project") == "score.py: nothing found\n"
    own = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "my_project"]
    done = subprocess.run(own, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize("name", ["net", "reviews"])
def test_training_gives_a_model_that_holds_on_what_it_has_not_seen(name: str) -> None:
    assert training(name).train()[-1] > 0.95


def training(name: str) -> Any:
    """The train.py of a sample as a module."""
    spec = importlib.util.spec_from_file_location(f"train_{name}", SAMPLES / name / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
