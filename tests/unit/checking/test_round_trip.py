"""The sample through the whole path, and fractions where it holds whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HEAD = """
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
"""
ARRAY = HEAD + '@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))\n'
RUN_LINE = 9


def codes(report) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.line) for finding in report.findings]


def test_a_script_that_returns_what_it_declares_is_clean(checked) -> None:
    report = checked(
        ARRAY + "@output_schema(NumpyParameterType(np.array([3.0])))\ndef run(data): return data.sum(axis=1)\n"
    )
    assert (report.findings, report.clean) == ((), True)


@pytest.mark.parametrize(
    ("output", "result", "words"),
    [
        ("NumpyParameterType(np.array([3.0]))", "{'sum': 3.0}", "the result: expected array, got an object"),
        ("NumpyParameterType(np.array([3.0]))", "['high']", "[0]: expected number, got str"),
        ("StandardPythonParameterType({'a': 1})", "{'b': 1}", "expected a member 'a'"),
        ("StandardPythonParameterType(1)", "1.5", "expected integer, got float"),
    ],
)
def test_a_result_that_does_not_fit_the_declared_output_is_found(checked, output: str, result: str, words: str) -> None:
    report = checked(f"{ARRAY}@output_schema({output})\ndef run(data): return {result}\n")
    assert codes(report) == [("output-differs", RUN_LINE + 1)]
    assert words in report.findings[0].message


def test_a_result_that_cannot_be_encoded_is_an_error_that_names_the_type(checked) -> None:
    report = checked(ARRAY + "def run(data): return range(2)\n")
    assert codes(report) == [("not-encodable", RUN_LINE)]
    assert "range" in report.findings[0].message


def test_a_run_that_fails_on_its_own_sample_is_found_where_it_raises(checked) -> None:
    report = checked(
        ARRAY + "def run(data):\n    return deep(data)\ndef deep(data):\n    raise KeyError('no column')\n"
    )
    assert codes(report) == [("run-failed", RUN_LINE + 3)]
    assert report.findings[0].message == "run() raised KeyError: 'no column'"


def test_json_text_that_comes_from_elsewhere_is_found_by_what_it_is(checked) -> None:
    report = checked("def text(): return '[1]'\n" + ARRAY + "def run(data): return text()\n")
    assert codes(report) == [("encoded-twice", RUN_LINE + 1)]


def test_json_text_is_found_once(checked) -> None:
    report = checked("import json\n" + ARRAY + "def run(data):\n    return json.dumps([1])\n")
    assert [code for code, _ in codes(report)] == ["encoded-twice"]


@pytest.mark.parametrize("result", ["'a word'", "'12'", "np.float64(1)", "None"])
def test_other_results_are_left_alone(checked, result: str) -> None:
    assert checked(f"{ARRAY}def run(data): return {result}\n").clean


def test_nan_in_a_result_is_found(checked) -> None:
    report = checked(ARRAY + "def run(data): return data * float('nan')\n")
    assert [code for code, _ in codes(report)] == ["notice"]
    assert "NaN" in report.findings[0].message


def test_without_a_sample_that_is_a_hint_and_a_body_takes_its_place(checked) -> None:
    source = "import json\ndef run(data): return 1 / json.loads(data)\n"
    report = checked(source)
    assert (codes(report), report.clean) == ([("no-sample", 2)], True)

    assert codes(checked(source, body=b"0")) == [("run-failed", 2)]
    assert codes(checked(source, body=b"1")) == []


def test_request_json_beside_the_script_is_posted(checked, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("0", encoding="utf-8")
    assert codes(checked("import json\ndef run(data): return 1 / json.loads(data)\n")) == [("run-failed", 2)]
    (tmp_path / "request.json").write_text("1", encoding="utf-8")
    assert codes(checked("import json\ndef run(data): return 1 / json.loads(data)\n")) == []


def test_a_batch_script_is_known_for_one(checked) -> None:
    report = checked("def run(mini_batch): return mini_batch\n")
    assert (codes(report), report.clean) == ([("batch-script", 1)], True)


def test_a_stream_and_a_raw_answer_are_no_findings(checked) -> None:
    assert checked(ARRAY + "def run(data):\n    yield 'a'\n").findings == ()


# -- fractions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("NumpyParameterType(np.array([[1, 2]]))", ["parameter 'data': the sample holds whole numbers"]),
        ("NumpyParameterType(np.array([[1.0, 2.0]]))", []),
        ("NumpyParameterType(np.array([[1, 2]]), enforce_column_type=False)", []),
        (
            "PandasParameterType(pd.DataFrame({'age': [3], 'rate': [0.5], 'rooms': [2]}))",
            [],
        ),
        ("StandardPythonParameterType(1)", []),
        ("StandardPythonParameterType(True)", []),
        ("StandardPythonParameterType('x')", []),
    ],
)
# BUG: a hint for every integer, of which most are counts.
def test_whole_numbers_in_an_array_are_hinted_at(checked, declared: str, expected: list[str]) -> None:
    report = checked(f'{HEAD}@input_schema("data", {declared})\ndef run(data): return 1\n')
    assert [finding.message[: len(text)] for finding, text in zip(report.findings, expected, strict=True)] == expected
    assert report.clean
    assert all(finding.code == "fraction-refused" for finding in report.findings)


def test_a_type_that_rounds_is_a_warning(checked) -> None:
    class Rounding:
        def to_python(self, value):
            return int(value)

    from scoringhost.checking.coercions import _probe

    rounding: Any = Rounding()
    assert _probe(rounding, 3) == [("", "rounded")]
    assert _probe(rounding, "3") == []


def test_a_script_that_waits_for_something_else_is_a_warning(checked) -> None:
    source = (
        ARRAY + "def run(data):\n    from scoringhost import Response\n    return Response('the other service', 503)\n"
    )
    report = checked(source)
    assert [(one.code, one.severity.value) for one in report.findings] == [("unavailable", "warning")]
