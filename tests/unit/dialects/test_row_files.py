"""Files of many rows as requests: in the form that run() takes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

from scoringhost.dialects.row_files import UnreadableFile, requests_of
from scoringhost.script.azureml_names import declarations_of
from scoringhost.script.signature import RunSignature
from scoringhost.tabular.pieces import ROWS_AT_ONCE


def signature(run: Callable[..., Any]) -> RunSignature:
    return RunSignature.read(run, declarations_of(run))


def text(raw_data): ...


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def array(data): ...


@input_schema("people", PandasParameterType(pd.DataFrame({"zip": ["01067"], "age": [30], "at": ["x"]})))
def frame(people): ...


@input_schema("b", StandardPythonParameterType(1))
@input_schema("a", StandardPythonParameterType(1.0))
def two(a, b): ...


def bodies(name: str, content: str, run: Callable[..., Any]) -> list[Any]:
    return [json.loads(rows.body) for rows in requests_of(name, content.encode(), signature(run))]


def test_each_line_of_jsonl_is_a_request_as_it_stands() -> None:
    rows = list(requests_of("A.JSONL", b'\xef\xbb\xbf{"a": 1}\r\n\r\nno json\n', signature(text)))
    assert [(one.first, one.count, one.body) for one in rows] == [(1, 1, b'{"a": 1}'), (2, 1, b"no json")]


def test_rows_for_an_array_are_lists() -> None:
    assert bodies("a.csv", "x,y\n1,2.5\n3,4\n", array) == [{"data": [[1, 2.5], [3, 4]]}]


def test_rows_for_a_table_are_objects_whose_text_stays_text_and_is_missing_where_there_is_none() -> None:
    (body,) = bodies("a.csv", "age,zip,at\n30,80331,7\n,01067,\n41,5,x\n", frame)
    assert body["people"] == [
        {"age": 30, "zip": "80331", "at": "7"},
        {"age": None, "zip": "01067", "at": None},
        {"age": 41, "zip": "5", "at": "x"},
    ]


def test_the_form_is_found_though_the_first_row_is_bad() -> None:
    assert bodies("a.csv", "x,y\nbad,2\n3,4\n", array) == [{"data": [["bad", 2], [3, 4]]}]


def test_many_rows_come_in_parts() -> None:
    content = "x,y\n" + "1,2\n" * (2 * ROWS_AT_ONCE + 1)
    parts = [(one.first, one.count) for one in requests_of("a.csv", content.encode(), signature(array))]
    assert parts == [(1, ROWS_AT_ONCE), (ROWS_AT_ONCE + 1, ROWS_AT_ONCE), (2 * ROWS_AT_ONCE + 1, 1)]


@pytest.mark.parametrize("run", [text, two], ids=["undecorated", "two parameters"])
def test_other_scripts_get_one_row_at_a_time(run: Callable[..., Any]) -> None:
    assert bodies("a.csv", "a,b\n1.5,2\n,x\n", run) == [{"a": 1.5, "b": 2}, {"a": None, "b": "x"}]


@pytest.mark.parametrize(
    ("value", "meant"),
    [("1e3", 1000.0), ("-0", 0), ("true", True), ("null", None), ("", None), ("007", "007"), ("NaN", "NaN"),
     ("[1]", "[1]"), ('"x"', '"x"'), ("1e999", "1e999")],
)  # fmt: skip
def test_a_value_is_a_number_or_a_constant_or_text(value: str, meant: object) -> None:
    quoted = value.replace('"', '""')
    ((body),) = bodies("a.csv", f'a,b\n"{quoted}",1\n', text)
    assert body == {"a": meant, "b": 1}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.txt", b"x", "csv"),
        ("csv", b"", "csv"),
        ("empty.csv", b"", "names the columns"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "row 2: the row has 3 values for 2 columns"),
        ("a.csv", b"a\n\xff\n", "UTF-8"),
        ("a.jsonl", b"\n\n", "no rows"),
        ("a.csv", b'a\n"x\n', "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_reason(name: str, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        list(requests_of(name, content, signature(array)))


def test_rows_are_halved_to_find_the_one_that_is_wrong() -> None:
    (rows,) = requests_of("a.csv", b"x,y\n1,2\n3,4\n5,6\n", signature(array))
    first, second = rows.halves()
    assert [(one.first, one.count) for one in (first, second)] == [(1, 1), (2, 2)]
    assert json.loads(second.body) == {"data": [[3, 4], [5, 6]]}
    assert first.halves() == []


def test_a_row_that_is_a_request_of_its_own_has_no_halves() -> None:
    (line,) = requests_of("a.jsonl", b"{}", signature(text))
    assert line.halves() == []
