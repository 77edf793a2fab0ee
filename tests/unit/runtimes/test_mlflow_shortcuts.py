"""The shortcuts answer what MLflow's own functions answer, or nothing."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("mlflow")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mlflow"), pytest.mark.filterwarnings("ignore")]

NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.integers(-(2**31) - 2, 2**31 + 2),
    st.floats(),
    st.floats(width=32),
)
CELLS = st.one_of(NUMBERS, NUMBERS, NUMBERS, st.none(), st.booleans(), st.sampled_from(["1", "x", "", "nan"]))
NAMES = st.sampled_from(["a", "b", "c"])
KINDS = st.lists(st.sampled_from(["double", "float", "long", "integer"]), min_size=1, max_size=3)


@st.composite
def _documents(draw: st.DrawFn, width: int) -> dict[str, Any]:
    """A document in one of the shapes, more or less fitting a signature of `width` columns."""
    cells = draw(st.sampled_from([NUMBERS, st.floats(), st.integers(-9, 9), CELLS]))
    names = draw(
        st.one_of(st.just(list("abc"[:width])), st.permutations(list("abc"[:width])), st.lists(NAMES, max_size=4))
    )
    widths = st.one_of(st.just(len(names)), st.just(len(names)), st.integers(0, 4))
    rows = draw(st.lists(widths.flatmap(lambda size: st.lists(cells, min_size=size, max_size=size)), max_size=4))
    records = [dict(zip(names, row, strict=False)) for row in rows]
    columns = {name: [row[at] for row in rows if at < len(row)] for at, name in enumerate(names)}
    document: dict[str, Any] = draw(
        st.sampled_from([
            {"dataframe_split": {"columns": names, "data": rows}},
            {"dataframe_split": {"columns": names, "data": rows, "index": list(range(len(rows)))}},
            {"dataframe_split": {"data": rows}},
            {"dataframe_records": records},
            {"instances": records},
            {"instances": rows},
            {"inputs": columns},
            {"inputs": rows},
            {"inputs": records},
        ])
    )  # fmt: skip
    return {**document, "params": {}} if draw(st.booleans()) else document


def _theirs(document: dict[str, Any], schema: Any) -> Any:
    """What MLflow gives to the model; None if it refuses, too."""
    from mlflow.models import Model, ModelSignature
    from mlflow.pyfunc import _validate_prediction_input, scoring_server

    metadata = Model(signature=ModelSignature(schema))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = scoring_server._parse_json_data(json.dumps(document).encode(), metadata, schema).data
            return _validate_prediction_input(data, None, schema, None)[0]
    except Exception:
        return None


def _large(document: dict[str, Any], schema: Any) -> Any:
    from scoringhost.runtimes.mlflow_shortcuts import Shortcuts

    return Shortcuts(schema).of_large(json.dumps(document).encode())


def _ours(document: dict[str, Any], schema: Any) -> Any:
    from scoringhost.runtimes.mlflow_shortcuts import Shortcuts
    from scoringhost.schema import json_text

    return Shortcuts(schema).data(json_text.loads(json.dumps(document).encode()))


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_frame_is_the_one_that_mlflow_makes(data: st.DataObject) -> None:
    from mlflow.types import ColSpec, DataType, Schema

    kinds = data.draw(KINDS)
    schema = Schema([ColSpec(DataType[kind], name) for kind, name in zip(kinds, "abc", strict=False)])
    document = data.draw(_documents(len(kinds)))
    ours = data.draw(st.sampled_from([_ours, _large]))(document, schema)
    if ours is not None:
        theirs = _theirs(document, schema)
        assert isinstance(theirs, pd.DataFrame)
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True, check_column_type=True, check_index_type=True)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_array_is_the_one_that_mlflow_makes(data: st.DataObject) -> None:
    from mlflow.types import Schema, TensorSpec

    dtype = np.dtype(data.draw(st.sampled_from(["float64", "float32", "int64", "int32", "bool"])))
    schema = Schema([TensorSpec(dtype, data.draw(st.sampled_from([(-1, 3), (-1, -1), (-1,), (2, 2)])))])
    document = data.draw(_documents(3))
    ours = data.draw(st.sampled_from([_ours, _large]))(document, schema)
    if ours is not None:
        theirs = _theirs(document, schema)
        assert theirs.dtype == ours.dtype
        assert np.array_equal(theirs, ours, equal_nan=ours.dtype.kind == "f")


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2], [3, 4]]}},
        {"dataframe_split": {"columns": ["b", "a"], "data": [[1.0, 2]]}},
        {"dataframe_records": [{"b": 1, "a": 2.5}]},
        {"instances": [{"b": 1, "a": 2.5}], "params": {"x": 1}},
        {"inputs": {"a": [1, 2], "b": [0.5, 1]}},
    ],
)
def test_what_most_requests_send_takes_the_shortcut(document: dict[str, Any]) -> None:
    from mlflow.types import ColSpec, DataType, Schema

    assert _ours(document, Schema([ColSpec(DataType.double, "a"), ColSpec(DataType.double, "b")])) is not None


LARGE = [
    ("double", {"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2], [3, 4]]}}),
    ("double", {"dataframe_split": {"data": [[1, 2**63]], "columns": ["a", "b"]}}),
    (np.float64, {"inputs": [[1.0, 2], [3, 4.5]]}),
    (np.float64, {"instances": [[1, 2]]}),
]


@pytest.mark.parametrize(("kind", "document"), LARGE)
def test_numbers_of_a_large_body_are_not_made_pythons_own(kind: Any, document: dict[str, Any]) -> None:
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    schema = Schema([TensorSpec(np.dtype(kind), (-1, 2))])
    if kind == "double":
        schema = Schema([ColSpec(DataType.double, "a"), ColSpec(DataType.double, "b")])
    found, theirs = _large(document, schema), _theirs(document, schema)
    assert found is not None
    assert np.array_equal(np.asarray(found), np.asarray(theirs))
    place = found.iloc if isinstance(found, pd.DataFrame) else found
    place[0, 0] = 7  # a model may write into its data


@pytest.mark.parametrize(
    "text",
    [
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, true]]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, null]]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, NaN]]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, [2]]]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3]]}}',
        '{"dataframe_split": {"columns": ["b", "a"], "data": [[1, 2]]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]], "data": [[3, 4]]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]], "index": [0]}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}, "params": {}}',
        '{"dataframe_split": {"columns": ["a", "b"], "data": []}}',
        '{"dataframe_split": [[1, 2]]}',
        '{"inputs": {"a": [1], "b": [2]}}',
        "[[1, 2]]",
    ],
)
def test_any_other_large_body_is_left_to_the_other_way(text: str) -> None:
    from mlflow.types import ColSpec, DataType, Schema

    from scoringhost.runtimes.mlflow_shortcuts import Shortcuts

    schema = Schema([ColSpec(DataType.double, "a"), ColSpec(DataType.double, "b")])
    assert Shortcuts(schema).of_large(text.encode()) is None


def test_a_model_may_rename_the_columns_of_its_frame_and_the_next_frame_has_the_names_again() -> None:
    from mlflow.types import ColSpec, DataType, Schema

    from scoringhost.runtimes.mlflow_shortcuts import Shortcuts

    shortcuts = Shortcuts(Schema([ColSpec(DataType.double, "a")]))
    document = {"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}
    shortcuts.data(document).columns.name = "renamed"
    assert shortcuts.data(document).columns.name is None


def test_what_would_lose_something_is_named() -> None:
    from mlflow.types import ColSpec, DataType, Schema

    from scoringhost.runtimes.mlflow_losses import loss_in

    schema = Schema([ColSpec(DataType.long, "l"), ColSpec(DataType.integer, "i"), ColSpec(DataType.double, "d")])
    assert loss_in({"inputs": {"l": [1.0], "i": [3], "d": [3.5]}}, schema) == ""
    assert "column l" in loss_in({"inputs": {"l": [1, 1.5]}}, schema)
    assert "column i" in loss_in({"dataframe_records": [{"i": 2**31}]}, schema)
    assert "column l" in loss_in({"dataframe_split": {"columns": ["d", "l"], "data": [[1.5, 2], [1, 2.5]]}}, schema)
    assert loss_in({"inputs": {"l": float("nan"), "i": None, "d": "x"}}, schema) == ""
