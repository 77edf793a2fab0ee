"""init() and run() as Azure ML's batch deployments call them, over a script that was written to be served."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scoringhost.batch.driver import BatchDriver, NothingScored
from scoringhost.errors import InitFailed

SCRIPT = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema

calls = []

def init():
    calls.append("init")

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data):
    if data.min() < 0:
        raise ValueError("negative")
    return data.sum(axis=1)
"""
RAW = "def init(): ...\ndef run(raw_data):\n    return len(raw_data)\n"


@pytest.fixture
def open_driver(tmp_path: Path) -> Iterator[Callable[[str], BatchDriver]]:
    """open_driver(script): a driver after its init(), which is shut down at the end."""
    opened: list[BatchDriver] = []

    def open_driver(script: str) -> BatchDriver:
        (tmp_path / "score.py").write_text(script, encoding="utf-8")
        opened.append(BatchDriver(tmp_path / "score.py"))
        opened[-1].init()
        return opened[-1]

    yield open_driver
    for driver in opened:
        driver.shutdown()


def test_each_row_of_each_file_is_a_line_with_its_place_and_a_bad_one_says_why(
    open_driver: Callable[[str], BatchDriver], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n-1,0\n3,4\n")
    (tmp_path / "b.jsonl").write_text('{"data": [[5, 6]]}\n')
    lines = [json.loads(line) for line in open_driver(SCRIPT).run([str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl")])]
    rows = {(line["file"], line["row"]): line for line in lines}
    assert [rows["a.csv", 1]["result"], rows["a.csv", 3]["result"], rows["b.jsonl", 1]["result"]] == [3.0, 7.0, [11.0]]
    assert rows["a.csv", 2]["status"] == 500
    assert "error" in rows["a.csv", 2]
    assert len(lines) == 4


def test_any_other_file_is_one_request(open_driver: Callable[[str], BatchDriver], tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"12345")
    assert open_driver(RAW).run([str(tmp_path / "picture.png")]) == ['{"file":"picture.png","result":5}']


def test_a_mini_batch_of_which_nothing_can_be_scored_is_a_failure_that_azure_ml_counts(
    open_driver: Callable[[str], BatchDriver], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x,y\n-1,2\n-1,0\n")
    with pytest.raises(NothingScored, match="row 1"):
        open_driver(SCRIPT).run([str(tmp_path / "a.csv")])


def test_shutdown_is_run_when_the_process_ends_and_nothing_is_complained_of(
    python: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "score.py").write_text(
        "def init(): ...\ndef run(raw_data): ...\ndef shutdown(): print('shutdown', flush=True)\n"
    )
    (tmp_path / "batch_driver.py").write_text(
        "from scoringhost.batch.driver import BatchDriver\n"
        "driver = BatchDriver('score.py')\ninit, run = driver.init, driver.run\n"
    )
    program = """
        import os, sys
        os.dup2(1, 2)
        sys.path.insert(0, ".")
        import batch_driver
        batch_driver.init()
    """
    assert python(program) == "shutdown"


def test_an_init_that_fails_is_said_at_once(open_driver: Callable[[str], BatchDriver]) -> None:
    with pytest.raises(InitFailed):
        open_driver("def init(): raise ValueError\ndef run(data): ...\n")
