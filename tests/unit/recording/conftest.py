"""What the tests of recording share: a script that fails and collects on demand, and what was kept of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import numpy as np
from azureml.ai.monitoring import Collector
from azureml.monitoring import ModelDataCollector
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    global inputs, outputs, older, errors
    errors = []
    inputs = Collector(name="model_inputs", on_error=errors.append)
    outputs = Collector(name="model_outputs")
    older = ModelDataCollector("ridge", designation="inputs", feature_names=["a", "b"])


@input_schema("act", StandardPythonParameterType("add"))
@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data, act):
    if act == "fail":
        raise ValueError("no such thing")
    if act == "stream":
        return one_by_one(data)
    if act == "break":
        return failing(data)
    if act == "collect":
        context = inputs.collect(data)
        older.collect(data)
        data += 1
        outputs.collect({"sums": data.sum(axis=1)}, context)
        inputs.collect(object())
    return data.sum(axis=1)


def one_by_one(data):
    for row in data:
        yield row.sum()


def failing(data):
    yield 1
    raise ValueError("in the middle")


def hide(record):
    if record.get("request_form") == "json":
        record["request_body"]["data"] = "hidden"
    return record


def hide_badly(record):
    raise KeyError("name")


def hide_all(record):
    return None


def hide_wrongly(record):
    return "nothing"
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that fails, streams and collects, as it is asked to."""
    path = tmp_path / "score.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.fixture
def kept() -> Callable[[Path], list[dict[str, Any]]]:
    """The records of all files of JSON lines in a folder, in their order."""

    def kept(folder: Path) -> list[dict[str, Any]]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        assert {path.suffix for path in files} <= {".json", ".jsonl"}
        return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]

    return kept


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """until(condition): wait for it to answer something true, and return that."""

    def until(condition: Callable[[], Any]) -> Any:
        deadline_s, pause = time.monotonic() + 30, threading.Event()
        while not (found := condition()):
            assert time.monotonic() < deadline_s, "waited 30 s in vain"
            pause.wait(0.01)
        return found

    return until
