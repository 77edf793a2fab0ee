"""Data frames that come as such: columns and dtypes are the sample's, or can be cast to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.schema.declared import Misfit
from scoringhost.schema.pandas_codec import PandasCodec

SAMPLE = pd.DataFrame({"age": [1], "size": [1.5], "name": ["a"], "day": pd.to_datetime(["2020-01-01"])})
FITTING = {"age": [1, 2], "size": [1.0, 2.0], "name": ["x", "y"], "day": pd.to_datetime(["2021-01-01", "2022-01-01"])}


def frame(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(FITTING | changes).astype({"day": SAMPLE["day"].dtype} if "day" not in changes else {})


def refusal(codec: PandasCodec, value: pd.DataFrame) -> str:
    with pytest.raises(Misfit) as refused:
        codec.to_python(value)
    return str(refused.value)


def test_a_frame_that_fits_as_it_is_passes_through() -> None:
    value = frame()
    assert PandasCodec(SAMPLE).to_python(value) is value


def test_columns_are_put_in_order_and_cast_and_rows_keep_their_labels() -> None:
    value = frame(size=[1, 2], age=np.array([1, 2], "i1"))[["day", "name", "size", "age"]]
    value.index = pd.Index([7, 7])
    done: Any = PandasCodec(SAMPLE).to_python(value)
    assert list(done.columns) == ["age", "size", "name", "day"]
    assert list(done.dtypes) == list(SAMPLE.dtypes)
    assert done["size"].tolist() == [1.0, 2.0]
    assert done.index.tolist() == [7, 7]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": [1.0, 2.0]}, "expected an array of int64, got an array of float64 at .age"),
        ({"age": ["1", "x"]}, "expected int64, got str ('x') at [1].age"),
        ({"age": pd.array([1, None], dtype="Int64")}, "expected int64, got null at [1].age"),
        ({"size": pd.to_datetime(["2020-01-01"] * 2)}, "at .size"),
        ({"day": [5, 6]}, "at .day"),
    ],
)
def test_a_column_that_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(PandasCodec(SAMPLE), frame(**changes))


def test_columns_that_are_missing_or_unknown_are_named() -> None:
    value = frame().rename(columns={"age": "years"})
    assert "missing age; unknown years" in refusal(PandasCodec(SAMPLE), value)


def test_without_enforced_shape_the_known_columns_are_cast_and_others_stay() -> None:
    codec = PandasCodec(SAMPLE, enforce_shape=False)
    done: Any = codec.to_python(pd.DataFrame({"more": [1], "size": [2]}))
    assert done.dtypes.map(str).to_dict() == {"more": "int64", "size": "float64"}


def test_without_enforced_dtypes_only_columns_count() -> None:
    codec = PandasCodec(SAMPLE, enforce_dtypes=False)
    value = frame(age=["x", "y"])
    assert codec.to_python(value) is value
    assert "missing age" in refusal(codec, value.drop(columns="age"))


def test_extension_columns_are_cast_as_cells_are() -> None:
    sample = pd.DataFrame({"kind": pd.Categorical(["a"], categories=["a", "b"]), "n": pd.array([1], dtype="Int64")})
    done: Any = PandasCodec(sample).to_python(pd.DataFrame({"kind": ["b", "a"], "n": [1, 2]}))
    assert list(done.dtypes) == list(sample.dtypes)
    value = pd.DataFrame({"kind": ["c"], "n": [1]})
    assert refusal(PandasCodec(sample), value) == "expected category of 2 values, got str ('c') at [0].kind"


def test_a_frame_without_the_names_of_an_array_orient_is_taken_by_its_width() -> None:
    codec = PandasCodec(pd.DataFrame([[1.0, 2.0]]), orient="values")
    done: Any = codec.to_python(pd.DataFrame([[1, 2]]))
    assert list(map(str, done.dtypes)) == ["float64", "float64"]
    assert "missing 1" in refusal(codec, pd.DataFrame([[1]]))
