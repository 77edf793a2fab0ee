"""Which arguments are joined for one run(), and that none is changed by it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from scoringhost.schema.joining import join, join_key


def frame(index: Any, values: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"x": values}, index=index)


# BUG: under batching the labels of the rows were 0, 1, 2 ... in place of the caller's.
@pytest.mark.parametrize(
    "index",
    [
        pd.to_datetime(["2024-01-31", "2024-02-01"]),
        pd.Index(["a", "b"]),
        pd.Index([7, 9]),
        pd.Index([1.0, 0.0]),
        pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]),
    ],
)
def test_frames_whose_row_labels_mean_something_run_apart(index: Any) -> None:
    assert join_key({"data": frame(index, [1, 2])}) is None


@pytest.mark.parametrize("index", [None, pd.Index([0, 1])])
def test_numbered_rows_are_joined_and_numbered_on(index: Any) -> None:
    first, second = {"data": frame(index, [1, 2])}, {"data": frame(None, [3])}
    assert join_key(first) == join_key(second)
    joined = join([first, second])["data"]
    assert list(joined.index) == [0, 1, 2]
    assert joined.x.tolist() == [1, 2, 3]


# BUG: NaN, infinity and nothing were one and the same, so a caller got the other's.
def test_numbers_that_json_has_no_word_for_are_not_the_same() -> None:
    values = [None, math.nan, math.inf, -math.inf, 0.0]
    keys = [join_key({"data": frame(None, [1]), "limit": value}) for value in values]
    assert len(set(keys)) == len(values)
    assert join_key({"data": frame(None, [1]), "limit": math.inf}) == keys[2]
