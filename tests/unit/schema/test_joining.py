"""Taking the result of joined calls apart: what has rows, and what only looks as if."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.schema.joining import NotDivisible, divide, kind_of, says_the_same


@pytest.mark.parametrize(
    "output",
    [[1, 2, 3], np.arange(3), np.ones((3, 2)), pd.Series([1, 2, 3]), pd.DataFrame({"a": [1, 2, 3]}), (1, 2, 3)],
    ids=["list", "array", "2-D array", "series", "frame", "tuple of scalars"],
)
def test_what_has_an_item_for_each_row_is_taken_apart(output: Any) -> None:
    one, two = divide(output, [1, 2])
    assert (len(one), len(two)) == (1, 2)
    assert kind_of(one) == kind_of(two) == kind_of(output)


@pytest.mark.parametrize(
    "output",
    [
        (["a", "b"], [1.0, 2.0]),
        (np.zeros(2), np.ones(2)),
        (pd.Series([1, 2]), pd.Series([3, 4])),
        ({"a": 1}, {"a": 2}),
        {"rows": ([1, 2], [3, 4])},
        np.array(1.0),
        {},
        {"rows": [1, 2], "model": "v1"},
        "ab",
        None,
        2,
    ],
    ids=repr,
)
def test_what_has_no_rows_is_not_taken_apart(output: Any) -> None:
    assert kind_of(output) is None
    with pytest.raises(NotDivisible, match="has no rows"):
        divide(output, [1, 1])


def test_dicts_of_other_keys_are_of_another_kind() -> None:
    assert kind_of({"a": [1], "b": [2]}) == kind_of({"b": [2], "a": [1]})
    assert kind_of({"a": [1]}) != kind_of({"b": [1]})
    assert kind_of({"a": [1]}) != kind_of({"a": np.ones(1)})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1.0, None, "x"], [1.0000001, None, "x"], True),
        (np.array([0.5], np.float32), [0.5], True),
        ([1], [1.0], True),
        ([1], [True], False),
        ([0.951], [0.953], False),
        ([1, 2], [2, 1], False),
        ({"a": 1}, {"b": 1}, False),
        ([float("nan")], [float("nan")], True),
        ([object()], [object()], False),
        ([1], [1, 1], False),
    ],
)
def test_results_say_the_same_if_a_caller_could_not_tell_them_apart(one: Any, other: Any, same: bool) -> None:
    assert says_the_same(one, other) is same
