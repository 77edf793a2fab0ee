"""Run with `pytest`; a batch script is scored by the command that runs it in production."""

import csv
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_nearly_all_digits_are_read_right(tmp_path):
    output = tmp_path / "digits.csv"
    command = ["batch", str(HERE), "--input", str(HERE / "images"), "--output", str(output)]
    subprocess.run([sys.executable, "-m", "scoringhost", *command], check=True)
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == sorted(path.name for path in (HERE / "images").iterdir())
    right = [Path(row["file"]).stem.endswith(f"_{row['digit']}") for row in rows]
    assert sum(right) >= 24
