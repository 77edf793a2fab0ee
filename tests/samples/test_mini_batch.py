"""samples/mini_batch: its images are scored as they stand, and its model is what its training gives."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "mini_batch"


def batch(images: Path, output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "scoringhost",
        "batch",
        str(SAMPLE),
        "--input",
        str(images),
        "--output",
        str(output),
    ]
    return subprocess.run([*command, *flags], capture_output=True, text=True, timeout=60)


def test_the_images_are_scored_as_the_readme_says(tmp_path: Path) -> None:
    done = batch(SAMPLE / "images", tmp_path / "digits.csv", "--mini-batch-size", "7")
    assert (done.returncode, done.stdout.startswith("25 scored, 0 failed in ")) == (0, True), done.stderr
    with (tmp_path / "digits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"file": "00_1.png", "digit": "1", "probability": "0.7991"}
    right = [row for row in rows if Path(row["file"]).stem.endswith(f"_{row['digit']}")]
    assert len(right) >= 24


def test_an_image_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "images", tmp_path / "images")
    (tmp_path / "images" / "03_broken.png").write_bytes(b"no image")
    done = batch(tmp_path / "images", tmp_path / "digits.csv")
    assert (done.returncode, done.stdout.startswith("25 scored, 1 failed in ")) == (1, True), done.stderr
    [failure] = map(json.loads, (tmp_path / "digits.csv.errors.jsonl").read_text().splitlines())
    assert failure["file"] == str(tmp_path / "images" / "03_broken.png")
    assert failure["error"].startswith("UnidentifiedImageError")


def test_training_gives_the_committed_model(
    training: Callable[[str], Any], largest_difference: Callable[..., float]
) -> None:
    rows = pytest.importorskip("sklearn.datasets").load_digits().data
    model = json.loads((SAMPLE / "model" / "digits.json").read_text(encoding="utf-8"))
    assert largest_difference(training("mini_batch").train(), model, rows) < 0.01
