"""What the inputs of predict() become."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.mlflow_plugin.documents import document_of, encoded

MOMENT = datetime.datetime(2026, 1, 31, 10, 20, 30)


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_a_frame_is_a_split_table_without_an_index_that_only_counts() -> None:
    document = document_of(frame(a=[1, 2], b=["x", None]))
    assert document == {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1.5, math.nan], [1.5, None]),
        ([True, False], [True, False]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
        (pd.array([True, None], dtype="boolean"), [True, None]),
        (pd.array(["a", None], dtype="string"), ["a", None]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        ([MOMENT, None], ["2026-01-31T10:20:30", None]),
        ([MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))], ["2026-01-31T08:20:30"]),
        ([datetime.date(2026, 1, 31)], ["2026-01-31"]),
        ([b"\x00\xff", None], ["AP8=", None]),
        ([np.float32(0.5), np.int64(3)], [0.5, 3]),
        ([decimal.Decimal("1.5")], [1.5]),
        ([[1, 2], np.array([3])], [[1, 2], [3]]),
        ([{"k": np.int32(1)}, None], [{"k": 1}, None]),
    ],
    ids=repr,
)
def test_a_column_is_what_json_has_for_it(column: object, expected: object) -> None:
    data = document_of(pd.DataFrame({"a": column}))["dataframe_split"]["data"]
    assert [row[0] for row in data] == expected
    json.dumps(data)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (["x", "y"], ["x", "y"]),
        (pd.to_datetime(["2026-01-31", "2026-02-01"]), ["2026-01-31T00:00:00", "2026-02-01T00:00:00"]),
        ([3, 1], [3, 1]),
    ],
)
def test_an_index_that_says_something_is_kept(index: Any, expected: object) -> None:
    document = document_of(pd.DataFrame({"a": [1, 2]}, index=pd.Index(index)))
    assert document["dataframe_split"]["index"] == expected


def test_columns_of_one_name_are_both_there() -> None:
    assert document_of(pd.DataFrame([[1, 2]], columns=["a", "a"])) == {
        "dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}
    }


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (np.array([[1.5, 2.0]]), [[1.5, 2.0]]),
        (np.array(["2026-01-31", "NaT"], dtype="datetime64[D]"), ["2026-01-31", None]),
        (np.datetime64("2026-01-31"), "2026-01-31"),
        (np.float32(0.5), 0.5),
        (pd.Series([1, 2]), [1, 2]),
        ([{"a": np.int64(1)}], [{"a": 1}]),
        ({"a": [1], "b": np.array([2])}, {"a": [1], "b": [2]}),
        ({"a": pd.Series([1, None])}, {"a": [1.0, None]}),
        ("text", "text"),
        (b"\x00\xff", "AP8="),
        (3, 3),
    ],
    ids=repr,
)
def test_what_is_no_frame_is_inputs(inputs: object, expected: object) -> None:
    assert document_of(inputs) == {"inputs": expected}


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix"])
def test_a_sparse_matrix_is_a_dense_one(kind: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    assert document_of(getattr(sparse, kind)([[0, 1], [2, 0]])) == {"inputs": [[0, 1], [2, 0]]}


def test_a_series_with_a_name_is_a_column() -> None:
    assert document_of(pd.Series([1, 2], name="a")) == {"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": {"columns": ["a"], "data": [[1]]}},
        {"dataframe_records": [{"a": 1}]},
        {"instances": [[1]], "params": {"top": 3}},
        {"inputs": {"a": [1]}},
        {"messages": [{"role": "user", "content": "hello"}], "temperature": 0.5},
    ],
)
def test_a_document_goes_as_it_is(document: dict[str, object]) -> None:
    assert document_of(document) == document


def test_a_dict_with_more_than_a_document_has_is_one_of_columns() -> None:
    assert document_of({"inputs": [1], "other": [2]}) == {"inputs": {"inputs": [1], "other": [2]}}


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4], [5, 6]]}},
        {"dataframe_split": {"index": ["x"], "columns": ["a"], "data": [[1.5]]}},
        {"dataframe_records": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
        {"instances": [[1, 2], [3, 4]]},
        {"instances": [{"a": 1}]},
        {"inputs": {"a": [1, 2], "b": [3, 4]}},
        {"inputs": ["one", "two"]},
        {"inputs": {"a": [1, 2]}, "params": {"top": 3}},
    ],
    ids=json.dumps,
)
def test_a_document_that_read_json_has_taken_for_a_table_is_put_together_again(document: dict[str, object]) -> None:
    mangled = pd.read_json(io.StringIO(json.dumps(document)))
    assert document_of(mangled) == document


def test_nan_in_an_array_is_the_literal_that_the_protocol_takes() -> None:
    assert encoded(document_of(np.array([math.nan, math.inf]))) == b'{"inputs": [NaN, Infinity]}'


def test_what_json_cannot_hold_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match=r"JSON cannot hold a builtins\.object"):
        document_of([object()])
