"""Rows of CSV and JSON lines: the same rules for `scoringhost batch` and for files on Azure Functions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema

from scoringhost.batch.parts import Contract
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.dialects.row_files import UnreadableFile, requests_of
from scoringhost.script.azureml_names import declarations_of
from scoringhost.script.signature import RunSignature
from scoringhost.tabular.text_rows import csv_rows, long_fields, record

Read = Callable[[str, bytes], list[Any]]


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data): ...


@pytest.fixture(params=["batch", "job"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """read(name, content): the rows that the file stands for, as each of the two that read rows takes them."""

    def batch(name: str, content: bytes) -> list[Any]:
        (tmp_path / name).write_bytes(content)
        found = list(Source.find(str(tmp_path / name)).parts(Contract.REQUESTS, None))
        return [item for part in found for item in part.items]

    def job(name: str, content: bytes) -> list[Any]:
        found = [rows.body for rows in requests_of(name, content, RunSignature.read(run, declarations_of(run)))]
        if name.endswith(".jsonl"):
            return [line.decode() for line in found]
        bodies = [json.loads(body) for body in found]
        rows = [row for body in bodies for row in body.get("data", [list(body.values())])]
        return [[str(one) for one in row] for row in rows]

    return batch if request.param == "batch" else job


# BUG: a job on Azure Functions took the rest of the file for one value, and the last of two columns of one name.
@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b'x,y\n1,2\n3,"4\n5,6\n', r"the row that begins in line 3: unexpected end of data"),
        ("a.csv", b'x,y\n1,"2"3\n', r"the row that begins in line 2: "),
        ("a.csv", b"x,x\n1,2\n", "two of its columns have the same name"),
        ("a.csv", b"", "no first line that names the columns"),
        ("a.csv", b"x\n\xff\n", "utf-8"),
        ("a.jsonl", b"1\n\xff\n", "utf-8"),
    ],
)
def test_a_file_whose_rows_cannot_be_told_apart_is_refused_with_the_same_words(
    read: Read, name: str, content: bytes, why: str
) -> None:
    with pytest.raises((InputUnusable, UnreadableFile), match=why):
        read(name, content)


# BUG: a line of a job ended at U+2028, which JSON lets stand in a text.
def test_a_line_of_json_ends_at_a_line_break_only(read: Read) -> None:
    text = json.dumps({"a": "\u2028 \x85"}, ensure_ascii=False)
    assert read("a.jsonl", f"\ufeff{text}\r\n\n [1]\n".encode()) == [text, " [1]"]


# BUG: a job refused a text of more than 128 K characters.
def test_a_value_may_be_long_and_the_limit_of_others_stays(read: Read) -> None:
    before = csv.field_size_limit()
    assert read("a.csv", b"x,y\n1," + b"x" * 200_000 + b"\n") == [["1", "x" * 200_000]]
    assert csv.field_size_limit() == before


def test_empty_lines_are_no_rows(read: Read) -> None:
    assert read("a.csv", b"\xef\xbb\xbfx,y\r\n\r\n1,2\r\n\r\n") == [["1", "2"]]


# BUG: whoever ended first set the limit back while others were reading, and the last left the long one behind.
def test_the_limit_is_set_back_when_the_last_reader_ends() -> None:
    before = csv.field_size_limit()
    first, second = long_fields(), long_fields()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert csv.field_size_limit() > before
    second.__exit__(None, None, None)
    assert csv.field_size_limit() == before


def test_what_a_row_lacks_is_empty_and_what_it_has_too_much_is_seen_when_it_is_taken_by_its_columns() -> None:
    columns, rows = csv_rows(io.StringIO("a,b\n1\n1,2,3\n", newline=""))
    short, long = (row for row, _ in rows)
    assert record(columns, short) == {"a": "1", "b": ""}
    with pytest.raises(ValueError, match="3 values for 2 columns"):
        record(columns, long)
