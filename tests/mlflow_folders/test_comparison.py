"""Every answer of `/invocations` is the one that MLflow's own server has given to the same request.

`record.py` has recorded those. Statuses and error codes are compared always; what is in the answers only with the
versions that the record was made with, as models describe their input in it, down to dtypes.
"""

from __future__ import annotations

import json
import math
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from scoringhost.client.answers import Response
from tests.mlflow_folders.cases import CASES, MODELS, Case
from tests.mlflow_folders.conftest import Serve

RECORD = Path(__file__).with_name("answers-3.17.2.json")
LOSS = re.compile(r"Failed to convert column \w to type (long|integer): \S+ (has a fraction|is too large)")
"""What is refused here, and changed without a word there."""
CRASHES = {"columns: no Content-Type": 415}
"""What crashes MLflow's server, and what is answered here instead."""
_DATA = (
    (re.compile(r"Failed to predict data '.*?'\. \nError: ", re.DOTALL), "Failed to predict data. \nError: "),
    (re.compile(r"of data '.*?' with schema", re.DOTALL), "of data with schema"),
    (re.compile(r"\nInput: \n.*", re.DOTALL), ""),
    (re.compile(r"Failed to convert column \w "), "Failed to convert a column "),
)
"""Where MLflow repeats the caller's data in a message, and what is said here; where it names any column of a set."""


@pytest.fixture(scope="module")
def record() -> Any:
    return json.loads(RECORD.read_text())


@pytest.fixture(scope="module")
def is_same_environment(record: Any) -> bool:
    return all(
        _minor(_installed(name)) == _minor(made) for name, made in record["made_with"].items() if name != "python"
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_answer_is_that_of_mlflows_own_server(
    model: str, serve_model: Serve, record: Any, is_same_environment: bool
) -> None:
    if _installed("mlflow").partition(".")[0] != record["made_with"]["mlflow"].partition(".")[0]:
        pytest.skip("the record is of another MLflow, whose rules differ")
    cases = [case for case in CASES if case.model == model]
    differences = []
    with serve_model(model) as client:
        for case in cases:
            headers = {} if case.content_type is None else {"Content-Type": case.content_type}
            ours = client.request("POST", "/invocations", body=case.body, headers=headers)
            theirs = record["answers"][case.key]
            if not _is_same(case, theirs, ours, is_same_environment):
                differences.append(f"{case.key}\n  theirs {theirs}\n  ours   {ours.status} {ours.text}")
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("path", ["/ping", "/health", "/version", "/invocations"])
def test_what_is_got_is_that_of_mlflows_own_server(
    path: str, serve_model: Serve, record: Any, is_same_environment: bool
) -> None:
    with serve_model("columns") as client:
        ours = client.request("GET", path)
    status, kind, body = record["answers"][f"columns: GET {path}"]
    assert (ours.status, ours.header("content-type")) == (status, kind)
    if is_same_environment:
        assert ours.text.replace(" ", "").replace('"', "") == body.replace(" ", "").replace('"', "")


def test_the_table_is_a_broad_one() -> None:
    assert len({case.key for case in CASES}) == len(CASES) > 500


def _is_same(case: Case, theirs: tuple[int, str, str], ours: Response, is_same_environment: bool) -> bool:
    status, kind, body = theirs
    if case.key in CRASHES:
        return (status, ours.status) == (500, CRASHES[case.key])
    if (
        status == 500 and kind != "application/json"
    ):  # a result that JSON cannot hold; their words are "Internal Server Error"
        return ours.status == 500 and ours.json()["error_code"] == "INTERNAL_ERROR"
    if ours.status == 400 and status in (200, 400) and LOSS.search(ours.text):
        return True
    if ours.status != status or not (ours.header("content-type") or "").startswith(kind.partition(";")[0]):
        return False
    if kind != "application/json":
        return True  # a 415, in words of our own
    if status == 200:
        return not is_same_environment or _is_equal(_strict(json.loads(body)), ours.json())
    expected, got = json.loads(body), ours.json()
    expected.pop("stack_trace", None)
    if not is_same_environment:
        return bool(expected["error_code"] == got["error_code"])
    return _words(expected.pop("message")) == _words(got.pop("message")) and expected == got


def _strict(value: Any) -> Any:
    """The value with null for NaN and infinities, for which JSON has no words."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_strict(one) for one in value]
    return {name: _strict(one) for name, one in value.items()} if isinstance(value, dict) else value


def _is_equal(one: Any, other: Any) -> bool:
    """Whether two values are the same, but for the last digits of numbers: models are fitted anew on each machine."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_equal(one[name], other[name]) for name in one)
    return bool(one == other)


def _words(message: str) -> list[str]:
    """The words of a message in any order: it shows sets, which have none."""
    for pattern, without in _DATA:
        message = pattern.sub(without, message)
    return sorted(re.findall(r"\w+", message))


def _minor(full: str) -> str:
    return ".".join(full.split(".")[:2])


def _installed(name: str) -> str:
    for one in (name, "mlflow-skinny") if name == "mlflow" else (name,):
        try:
            return version(one)
        except PackageNotFoundError:
            continue
    return ""
