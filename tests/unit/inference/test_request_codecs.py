"""Between all tensors of a request and one value: frames above all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.inference.codecs import value_of, value_of_all
from scoringhost.inference.input_codecs import NumpyCodec, StringCodec, bytes_tensor, numbers_tensor
from scoringhost.inference.request_codecs import PandasCodec
from scoringhost.schema.declared import Misfit

BERLIN = "Europe/Berlin"


def _frame_of(column: Any) -> Any:
    return pd.DataFrame({"x": column})


def _round_trip(column: Any) -> tuple[Any, Any]:
    """The only tensor of a column, and the column that it becomes again."""
    (tensor,) = PandasCodec().encode(_frame_of(column))
    back: Any = value_of_all([tensor], "pd")
    return tensor, back["x"]


@pytest.mark.parametrize(
    ("column", "datatype", "elements"),
    [
        ([1, 2], "INT64", [1, 2]),
        (np.array([1, 2], "u1"), "UINT8", [1, 2]),
        ([True, False], "BOOL", [True, False]),
        (pd.array([1, 2], dtype="Int64"), "INT64", [1, 2]),
        (pd.array([True, False], dtype="boolean"), "BOOL", [True, False]),
        (pd.array([1, 2], dtype="int64[pyarrow]"), "INT64", [1, 2]),
        (pd.Categorical([5, 6]), "INT64", [5, 6]),
        (pd.Categorical(["u", "v"]), "BYTES", ["u", "v"]),
        (pd.array(["a", None], dtype="string"), "BYTES", ["a", None]),
        (pd.array(["a", None], dtype="string[pyarrow]"), "BYTES", ["a", None]),
        (pd.Categorical(["u", None]), "BYTES", ["u", None]),
        (pd.Series(["a", {"k": 1}], dtype=object), "BYTES", ["a", '{"k":1}']),
        ([b"\xff", b"x"], "BYTES", [b"\xff", b"x"]),
        (pd.to_timedelta([1], unit="s"), "BYTES", ["P0DT0H0M1S"]),
    ],
    ids=str,
)
def test_each_dtype_has_its_tensor(column: Any, datatype: str, elements: list[Any]) -> None:
    tensor, _ = _round_trip(column)
    assert (tensor.datatype, tensor.array.tolist()) == (datatype, elements)


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "int64[pyarrow]"])
def test_a_missing_number_makes_a_column_of_floats(dtype: str) -> None:
    tensor, back = _round_trip(pd.Series([1, None], dtype=dtype))
    assert tensor.datatype == "FP64"
    assert back.isna().tolist() == [False, True]


def test_a_whole_number_that_a_float_would_change_is_refused_where_one_is_missing() -> None:
    with pytest.raises(Misfit, match="2 to the 53") as caught:
        PandasCodec().encode(_frame_of(pd.array([2**60 + 1, None], dtype="Int64")))
    assert caught.value.path == ".x"


def test_missing_texts_stay_missing() -> None:
    assert _round_trip(["a", None])[1].isna().tolist() == [False, True]


def test_moments_come_back_as_moments_and_missing_ones_as_missing() -> None:
    tensor, back = _round_trip(pd.Series(["2020-01-01", None], dtype="M8[ns]"))
    assert tensor.parameters == {"content_type": "datetime"}
    assert back.dtype.kind == "M"
    assert back.isna().tolist() == [False, True]


def test_moments_with_a_zone_stay_the_same_moments() -> None:
    column = pd.to_datetime(["2020-01-01", "2020-01-02"]).tz_localize(BERLIN)
    tensor, back = _round_trip(column)
    assert tensor.array.tolist() == ["2020-01-01T00:00:00+01:00", "2020-01-02T00:00:00+01:00"]
    assert (back == pd.Series(column)).all()


def test_moments_on_both_sides_of_a_change_of_clocks_keep_their_offsets() -> None:
    column = pd.to_datetime(["2020-01-01", "2020-07-01"]).tz_localize(BERLIN)
    _, back = _round_trip(column)
    assert [one.utcoffset().seconds for one in back] == [3600, 7200]


def test_columns_of_a_request_become_a_frame_each_by_its_own_content_type() -> None:
    tensors = [
        numbers_tensor("n", "INT32", [1, 2]),
        StringCodec().encode("t", ["a", "b"]),
        bytes_tensor("raw", [b"x", b"y"], (2, 1)),
        NumpyCodec().encode("two_axes", np.array([[1.5], [2.5]])),
    ]
    frame: Any = value_of_all(tensors, "pd")
    assert frame.to_dict("list") == {"n": [1, 2], "t": ["a", "b"], "raw": ["x", "y"], "two_axes": [1.5, 2.5]}
    assert frame["n"].dtype == "int32"


def test_what_the_metadata_says_counts_where_the_request_says_nothing() -> None:
    frame: Any = value_of_all([bytes_tensor("when", ["2020-01-01"], (1,))], "pd", {"when": "datetime"})
    assert frame["when"].tolist() == [datetime(2020, 1, 1)]


def test_columns_of_different_lengths_are_refused_with_their_lengths() -> None:
    with pytest.raises(Misfit, match="a has 1, b has 2"):
        value_of_all([numbers_tensor("a", "INT64", [1]), numbers_tensor("b", "INT64", [1, 2])], "pd")


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(Misfit, match="each column once"):
        PandasCodec().encode(pd.DataFrame([[1, 2]], columns=["x", "x"]))


@pytest.mark.parametrize("content_type", ["np", "str"])
def test_np_and_str_of_a_whole_request_need_exactly_one_input(content_type: str) -> None:
    two = [StringCodec().encode("a", ["x"]), StringCodec().encode("b", ["y"])]
    with pytest.raises(Misfit, match="exactly one input") as caught:
        value_of_all(two, content_type)
    assert caught.value.got == "2: a, b"


def test_a_content_type_that_nobody_knows_says_nothing() -> None:
    tensor = numbers_tensor("a", "INT64", [1])
    tensor.parameters = {"content_type": "nonsense"}
    assert value_of(tensor) is tensor
    assert value_of_all([tensor], "nonsense") is None


def test_the_requests_content_type_beats_the_metadatas() -> None:
    tensor = bytes_tensor("a", ["aGVsbG8="], (1,))
    assert value_of(tensor, "str") == ["aGVsbG8="]
    tensor.parameters = {"content_type": "base64"}
    assert value_of(tensor, "str") == [b"hello"]
