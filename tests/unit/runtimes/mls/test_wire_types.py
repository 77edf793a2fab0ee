"""The seven types of the MLServer class, from JSON and to JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.runtimes.mls.wire_types import WIRE_TYPES
from scoringhost.schema.declared import Misfit


@pytest.mark.parametrize("name", WIRE_TYPES)
def test_null_is_none_both_ways(name: str) -> None:
    assert WIRE_TYPES[name].to_python(None) is None
    assert WIRE_TYPES[name].to_json(None) is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("integer", 3, 3), ("integer", 3.0, 3), ("numeric", 1, 1.0), ("character", "a", "a"), ("logical", True, True)],
)
def test_plain_values_are_read(name: str, value: Any, expected: Any) -> None:
    found = WIRE_TYPES[name].to_python(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_arrays_and_tables_are_read_as_the_code_sees_them() -> None:
    vector, matrix = WIRE_TYPES["vector"].to_python([1, 2]), WIRE_TYPES["matrix"].to_python([[1, 2], [3, 4]])
    frame = WIRE_TYPES["data.frame"].to_python({"b": [1, 2], "a": ["x", "y"]})
    assert isinstance(vector, np.ndarray)
    assert isinstance(matrix, np.matrix)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["b", "a"]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("integer", 1.5), ("integer", True), ("integer", "1"), ("numeric", "1"), ("numeric", False), ("character", 1),
        ("logical", 1), ("logical", "true"), ("vector", 1), ("vector", [[1], [1, 2]]), ("matrix", [1]),
        ("matrix", [[1], [1, 2]]), ("data.frame", [1]), ("data.frame", {"a": 1}), ("data.frame", {"a": [1], "b": []}),
        ("numeric", 10**400),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_misfit(name: str, value: Any) -> None:
    with pytest.raises(Misfit):
        WIRE_TYPES[name].to_python(value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("integer", np.int64(3), 3), ("integer", np.array([3]), 3), ("integer", float("nan"), None),
        ("numeric", np.float32(1.5), 1.5), ("numeric", float("inf"), None), ("numeric", pd.Series([2.0]), 2.0),
        ("character", np.str_("a"), "a"), ("logical", np.bool_(True), True), ("logical", [True], True),
        ("vector", np.array([1.0, np.nan]), [1.0, None]), ("vector", pd.Series(["a"]), ["a"]),
        ("vector", (1, 2), [1, 2]),
        ("matrix", np.array([[1, 2]]), [[1, 2]]), ("matrix", [1, 2], [[1, 2]]),
        ("data.frame", pd.DataFrame({"b": [1.0, np.nan], "a": ["x", None]}), {"b": [1.0, None], "a": ["x", None]}),
        ("data.frame", {"t": [pd.Timestamp("2020-01-02")]}, {"t": ["2020-01-02T00:00:00"]}),
    ],
)  # fmt: skip
def test_outputs_are_written(name: str, value: Any, expected: Any) -> None:
    assert WIRE_TYPES[name].to_json(value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("integer", 1.5), ("integer", "1"), ("numeric", "a"), ("numeric", [1, 2]), ("character", 1), ("logical", 1),
        ("vector", "abc"), ("vector", [object()]), ("matrix", np.zeros((1, 1, 1))), ("data.frame", 1),
    ],
)  # fmt: skip
def test_an_output_that_does_not_fit_is_no_value_of_its_type(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=WIRE_TYPES[name].python):
        WIRE_TYPES[name].to_json(value)
