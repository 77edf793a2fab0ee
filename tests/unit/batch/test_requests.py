"""Online scripts over rows: joined where that can be told apart, in whatever form run() takes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.batch.parts import BodyForm, Contract, Outcome, Part
from scoringhost.batch.reading import Source
from scoringhost.batch.requests import Requests
from scoringhost.tabular.pieces import Rows, Size
from scoringhost.testing import serve

HEAD = """
import json
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema
from scoringhost import rawhttp

CALLS = []

def init():
    pass

"""
ARRAY = (
    '@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))\ndef run(data):\n    CALLS.append(len(data))\n'
)
FRAME = (
    '@input_schema("rows", PandasParameterType(pd.DataFrame({"a": [1.0], "b": ["x"]})))\n'
    "def run(rows):\n    CALLS.append(len(rows))\n"
)
TEXT = "def run(raw_data):\n    CALLS.append(1)\n"


@pytest.fixture
def score(tmp_path: Path) -> Callable[..., Outcome]:
    """score(script, rows, name=..., ...): the outcome of a file with this script; `.calls` are sizes of run()s."""

    def run(script: str, rows: str, name: str = "rows.csv", size: int = 100, **options: Any) -> Outcome:
        (tmp_path / "score.py").write_text(HEAD + script)
        (tmp_path / name).write_text(rows)
        together = Outcome()
        with serve(tmp_path / "score.py", environ={}) as client:
            requests = Requests(client, **{"body_form": None, "max_retries": 0, **options})
            for part in Source.find(str(tmp_path / name)).parts(Contract.REQUESTS, Size(size)):
                together.add(requests.score(part))
            run.calls = list(client.module.CALLS)  # type: ignore[attr-defined]
        return together

    return run


def values(outcome: Outcome) -> list[Any]:
    return [value for _, value in outcome.results]


TRIAL = [1, 1, 1, 3, 2]
"""What is tried to find out whether rows can be joined."""
NUMBERS = "a,b\n" + "".join(f"{n},{n}\n" for n in range(1, 6))


def test_rows_of_an_array_are_joined(score: Any) -> None:
    assert values(score(ARRAY + "    return data.sum(axis=1)", NUMBERS)) == [2, 4, 6, 8, 10]
    assert score.calls == [*TRIAL, 5]


def test_rows_of_a_frame_come_with_the_dtypes_of_the_sample(score: Any) -> None:
    outcome = score(FRAME + "    return rows.assign(c=rows.a * 2)", "b,a\n007,1\nx,2\n")
    assert values(outcome) == [{"b": "007", "a": 1.0, "c": 2.0}, {"b": "x", "a": 2.0, "c": 4.0}]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_object_of_columns_is_taken_apart(score: Any, name: str) -> None:
    rows = NUMBERS if name == "rows.csv" else "".join(f"[{n}, {n}]\n" for n in range(1, 6))
    outcome = score(ARRAY + '    return {"x": data[:, 0].tolist(), "y": data[:, 1].tolist()}', rows, name)
    assert values(outcome)[4] == {"x": 5, "y": 5}
    assert [place.row for place, _ in outcome.results] == [1, 2, 3, 4, 5]


def test_json_in_a_string_is_taken_for_what_it_says(score: Any) -> None:
    outcome = score(ARRAY + '    return json.dumps({"result": data.sum(axis=1).tolist()})', NUMBERS)
    assert values(outcome)[:2] == [{"result": 2.0}, {"result": 4.0}]


def test_rows_whose_results_cannot_be_told_apart_are_scored_one_by_one(score: Any) -> None:
    outcome = score(ARRAY + "    return float(data.sum())", NUMBERS, size=2)
    assert values(outcome) == [2, 4, 6, 8, 10]
    assert score.calls == [1, 1, 1, 3, 1, 1, 1, 1, 1]  # the first three were tried together


# BUG: an array counted as one result for each row whenever it happened to be as long as the request.
@pytest.mark.parametrize("size", [2, 3, 100])
def test_a_result_that_happens_to_be_as_long_as_the_request_is_not_taken_apart(score: Any, size: int) -> None:
    outcome = score(ARRAY + "    return [data[0, 0], -data[0, 0]]", NUMBERS, size=size)
    assert values(outcome) == [[n, -n] for n in range(1, 6)]


def test_bad_rows_at_the_beginning_do_not_keep_the_others_apart(score: Any) -> None:
    rows = "a,b\nx,1\n1,1\n2,2\n3,3\n4,4\n"
    outcome = score(ARRAY + "    return data.sum(axis=1)", rows)
    assert (values(outcome), outcome.failed) == ([2, 4, 6, 8], 1)
    assert score.calls[:5] == TRIAL


def test_a_failing_row_fails_alone(score: Any) -> None:
    script = ARRAY + "    if (data == 3).any():\n        raise ValueError('three')\n    return data.sum(axis=1)"
    outcome = score(script, NUMBERS)
    assert values(outcome) == [2, 4, 8, 10]
    assert (outcome.scored, outcome.failed) == (4, 1)
    [failure] = outcome.failures
    assert (failure.place.row, failure.status) == (3, 500)
    assert failure.traceback.endswith("ValueError: three")


def test_what_the_caller_is_to_blame_for_is_not_tried_again_and_what_the_script_is_is(score: Any) -> None:
    script = ARRAY + "    if len(CALLS) < 3:\n        raise ValueError\n    return data.sum(axis=1)"
    assert values(score(script, "a,b\n1,1\n", max_retries=3)) == [2]
    assert score.calls == [1, 1, 1]  # the first was to find out whether rows can be joined
    assert score(ARRAY, "a\nword\n", max_retries=2).failures[0].status == 400


def test_an_undecorated_run_gets_each_row_as_an_object(score: Any) -> None:
    outcome = score(TEXT + "    return json.loads(raw_data)", 'a,b\n1,x\n,"2"\n')
    assert values(outcome) == [{"a": 1, "b": "x"}, {"a": None, "b": 2}]


@pytest.mark.parametrize(
    ("as_objects", "rows"),
    [(False, [[1, "x"], [2, "y"], [3, "z"]]), (True, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}])],
)
def test_an_undecorated_run_gets_rows_in_the_form_that_is_named(score: Any, as_objects: bool, rows: Any) -> None:
    outcome = score(
        TEXT + '    return json.loads(raw_data)["data"]', "a,b\n1,x\n2,y\n3,z\n", body_form=BodyForm("data", as_objects)
    )
    assert values(outcome) == rows
    assert score.calls == [1] * 6  # three alone, three, two, and all of them


def test_an_undecorated_run_that_cannot_do_with_an_object_gets_an_advice(score: Any, caplog: Any) -> None:
    with caplog.at_level("WARNING", "azmlinfsrv.print"):
        outcome = score(TEXT + '    return json.loads(raw_data)["data"]', "a,b\n1,x\n2,y\n")
    assert outcome.failed == 2
    assert [record.message.partition(";")[0] for record in caplog.records if "--body-form" in record.message] == [
        "run() declares no input, so each row is sent as an object of its columns"
    ]


def test_lines_that_are_bodies_are_sent_as_they_are(score: Any) -> None:
    rows = '{"data": [[1, 2], [3, 4]]}\n{"data": [[5, 6]]}\n'
    assert values(score(ARRAY + "    return data.sum(axis=1)", rows, "rows.jsonl")) == [[3, 7], [11]]


def test_lines_that_are_rows_are_joined(score: Any) -> None:
    rows = '{"a": 1, "b": "x"}\n{"b": "y", "a": 2}\n{"b": "z", "a": 3}\n'
    assert values(score(FRAME + "    return rows.a * 2", rows, "rows.jsonl")) == [2, 4, 6]
    assert score.calls == [*TRIAL, 3]


def test_a_line_that_is_no_json_fails_alone(score: Any) -> None:
    outcome = score(FRAME + "    return rows.a * 2", '{"a": 1, "b": "x"}\nnonsense\n{"a": 2, "b": "x"}\n', "rows.jsonl")
    assert values(outcome) == [2, 4]
    assert outcome.failures[0].place.row == 2


def test_lines_of_text_for_a_run_that_takes_text(score: Any) -> None:
    assert values(score(TEXT + "    return raw_data.upper()", '"one"\n"two"\n', "rows.jsonl")) == ['"ONE"', '"TWO"']


def test_a_result_that_only_claims_to_be_json_fails_alone(score: Any) -> None:
    script = (
        "from scoringhost import Response\n@rawhttp\ndef run(request):\n"
        "    answer = Response('{', 200)\n    answer.headers['Content-Type'] = 'application/json'\n    return answer"
    )
    outcome = score(script, "x", "a.bin")
    assert outcome.failed == 1
    assert outcome.failures[0].error.startswith("run() returned what says that it is JSON and is not")


def test_numbers_of_any_size_come_through(score: Any) -> None:
    assert values(score(TEXT + "    return [10**30]", "a\n1\n")) == [[10**30]]


def test_several_parameters_are_columns_of_their_own(score: Any) -> None:
    script = (
        '@input_schema("b", StandardPythonParameterType(1))\n@input_schema("a", StandardPythonParameterType(1))\n'
        "def run(a, b):\n    return a * b"
    )
    assert values(score(script, "b,a\n2,3\n4,5\n")) == [6, 20]


def test_files_are_requests_of_their_own(score: Any, tmp_path: Path) -> None:
    script = "@rawhttp\ndef run(request):\n    return {'type': request.content_type, 'length': len(request.get_data())}"
    outcome = score(script, "12345", "picture.png")
    assert outcome.results[0][0].file == str(tmp_path / "picture.png")
    assert values(outcome) == [{"type": "image/png", "length": 5}]


# BUG: the worker process ended, for each row.
def test_a_row_that_json_cannot_hold_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(HEAD + TEXT + "    return 1")
    part = Part(0, Rows.VALUES, [[1], [object()]], 1, 1.0, "", ("a",), [[1], [object()]])
    with serve(tmp_path / "score.py", environ={}) as client:
        outcome = Requests(client, body_form=None, max_retries=0).score(part)
    assert values(outcome) == [1]
    assert outcome.failures[0].error.startswith("the row cannot be sent as JSON: ")


def test_a_parquet_file_keeps_its_types(score: Any, tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": [1.5], "b": ["007"], "at": pd.to_datetime(["2026-01-02"])})
    frame.to_parquet(tmp_path / "in.parquet")
    (tmp_path / "score.py").write_text(HEAD + TEXT + "    return json.loads(raw_data)")
    with serve(tmp_path / "score.py", environ={}) as client:
        requests = Requests(client, body_form=None, max_retries=0)
        [part] = Source.find(str(tmp_path / "in.parquet")).parts(Contract.REQUESTS, None)
        assert values(requests.score(part)) == [{"a": 1.5, "b": "007", "at": "2026-01-02T00:00:00"}]


# -- tables as pandas writes them ---------------------------------------------------------------------

TABLE = """
SAMPLE = pd.DataFrame({
    "when": pd.to_datetime(["2024-01-31T10:00:00"]), "vip": [True], "amount": [1.5], "note": ["x"],
})

@input_schema("rows", PandasParameterType(SAMPLE))
def run(rows):
    CALLS.append(len(rows))
    rows["kind"] = str(rows.dtypes["vip"])
    return rows.assign(when=rows.when.dt.strftime("%d.%m.%Y"), missing=rows.isna().sum(axis=1))
"""
WRITTEN = pd.DataFrame(
    {
        "when": pd.to_datetime(["2022-01-31T10:00:00", "2022-02-01T00:00:00", "2022-02-02T00:00:00"] * 3),
        "vip": [True, False, True] * 3,
        "amount": [0.5, 1.0, 2.0] * 3,
        "note": ["a", "b", "c"] * 3,
    }
)


def rows_of(frame: pd.DataFrame) -> list[Any]:
    return [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in frame.to_dict("records")]


def milliseconds(moment: pd.Timestamp) -> int:
    """As `DataFrame.to_json` writes dates, which pandas 3 warns of."""
    return int(moment.timestamp() * 1000)


def scored_table(tmp_path: Path, script: str, name: str, frame: pd.DataFrame) -> Outcome:
    (tmp_path / "score.py").write_text(HEAD + script)
    if name.endswith(".parquet"):
        frame.to_parquet(tmp_path / name)
    elif name.endswith(".csv"):
        frame.to_csv(tmp_path / name, index=False)
    else:
        (tmp_path / name).write_text("".join(json.dumps(row, default=milliseconds) + "\n" for row in rows_of(frame)))
    together = Outcome()
    with serve(tmp_path / "score.py", environ={}) as client:
        requests = Requests(client, body_form=None, max_retries=0)
        for part in Source.find(str(tmp_path / name)).parts(Contract.REQUESTS, None):
            together.add(requests.score(part))
    return together


# BUG: every row was refused for "no value for 'rows'": dates of Parquet were tried as dates and not as texts, True of
# CSV was a text, milliseconds of JSON were no dates.
@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.jsonl"])
@pytest.mark.parametrize("lacks", [False, True])
def test_a_table_with_dates_and_truths_is_scored_as_pandas_wrote_it(tmp_path: Path, name: str, lacks: bool) -> None:
    frame = WRITTEN.copy()
    if lacks:
        frame.loc[1, ["when", "amount", "note"]] = [pd.NaT, np.nan, None]
    outcome = scored_table(tmp_path, TABLE, name, frame)
    assert (outcome.failures, outcome.scored) == ([], 9)
    rows = values(outcome)
    assert [row["when"] for row in rows[:3]] == ["31.01.2022", None if lacks else "01.02.2022", "02.02.2022"]
    assert [row["vip"] for row in rows[:3]] == [True, False, True]
    assert {row["kind"] for row in rows} == {"bool"}
    assert [row["missing"] for row in rows[:3]] == [0, 3 if lacks else 0, 0]


# BUG: a frame beside a scalar with a default was refused for "no value for 'rows'".
@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_a_table_may_have_a_scalar_with_a_default_beside_it(tmp_path: Path, name: str) -> None:
    script = (
        '@input_schema("rows", PandasParameterType(pd.DataFrame({"a": [1.0]})))\n'
        '@input_schema("factor", StandardPythonParameterType(2.0))\n'
        "def run(rows, factor=3.0):\n    return (rows.a * factor).tolist()\n"
    )
    assert values(scored_table(tmp_path, script, name, pd.DataFrame({"a": [1.0, 2.0, 3.0]}))) == [3.0, 6.0, 9.0]


# BUG: whatever was wrong with the rows, "no value for 'rows'" was said.
@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (WRITTEN.assign(vip="maybe"), "'rows[0].vip': expected bool, got str ('maybe')"),
        (WRITTEN.assign(when="31.01.2022"), "(year first as in '2022-01-31T10:00:00Z', or milliseconds since 1970)"),
        (WRITTEN.rename(columns={"note": "notes"}), "(missing note; unknown notes)"),
        (WRITTEN.assign(amount=["a few"] * 9), "'rows[0].amount': expected float64, got str ('a few')"),
    ],
)
@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_a_table_that_does_not_fit_is_refused_for_what_is_wrong_with_it(
    tmp_path: Path, name: str, frame: pd.DataFrame, error: str
) -> None:
    outcome = scored_table(tmp_path, TABLE, name, frame)
    assert len(outcome.failures) == 9
    assert error in outcome.failures[0].error


def test_a_frame_does_not_take_columns_of_other_names_by_their_place(tmp_path: Path) -> None:
    script = '@input_schema("rows", PandasParameterType(pd.DataFrame({"a": [1.0]})))\ndef run(rows):\n    return [1]\n'
    outcome = scored_table(tmp_path, script, "t.csv", pd.DataFrame({"b": [1.0]}))
    assert "missing a; unknown b" in outcome.failures[0].error


def test_a_column_of_text_keeps_texts_that_look_like_something_else(tmp_path: Path) -> None:
    script = (
        '@input_schema("rows", PandasParameterType(pd.DataFrame({"code": ["x"]})))\n'
        "def run(rows):\n    return [repr(code) for code in rows.code]\n"
    )
    frame = pd.DataFrame({"code": ["1.10", "TRUE", "12"]})
    assert values(scored_table(tmp_path, script, "t.csv", frame)) == ["'1.10'", "'TRUE'", "'12'"]


def test_true_and_false_of_a_csv_file_are_truths_for_an_undecorated_script_too(tmp_path: Path) -> None:
    outcome = scored_table(tmp_path, TEXT + "    return json.loads(raw_data)", "t.csv", WRITTEN[["vip"]])
    assert values(outcome)[:2] == [{"vip": True}, {"vip": False}]
