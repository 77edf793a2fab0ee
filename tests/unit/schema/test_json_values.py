"""json_values: what numpy, pandas, dates and bytes look like as JSON, seen through dumps."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.errors import ResultNotEncodable
from scoringhost.schema.json_text import dumps


def told(value: object) -> tuple[object, int]:
    """What a reader of the encoded value gets, and how often a lost NaN was reported."""
    calls: list[bool] = []
    return json.loads(dumps(value, on_nonfinite=lambda: calls.append(True))), len(calls)


def read(value: object) -> object:
    answer, reports = told(value)
    assert reports == 0
    return answer


# -- numpy


@pytest.mark.parametrize(
    "kind", ["f8", "f4", "f2", "g", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f8", ">i4"]
)
@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_an_array_of_numbers_is_written_as_its_list(kind: str, order: str) -> None:
    for shape in [(6,), (2, 3), (3, 1, 2), (), (0,), (0, 3), (2, 0)]:
        array: Any = np.resize(np.array([0, 1, 2.5, 3, 100, 7]), shape).astype(kind)
        if order == "F":
            array = np.asfortranarray(array)
        if order == "strided":
            array = np.repeat(array[..., np.newaxis], 2, axis=-1)[..., 0]
        expected = {"array": array.tolist(), "again": [array.tolist()]}
        assert read({"array": array, "again": [array]}) == expected, shape


def test_float32_is_written_with_the_digits_that_bring_it_back() -> None:
    array = np.array([0.1, 1 / 3], dtype=np.float32)

    assert dumps(array) == dumps(array.astype(">f4")) == dumps(np.repeat(array, 2)[::2]) == b"[0.1,0.33333334]"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.int64(9), 9),
        (np.bool_(True), True),
        (np.float32(2.25), 2.25),
        (np.array(["a", 1, None, datetime.date(2024, 1, 31)], dtype=object), ["a", 1, None, "2024-01-31"]),
        (np.array([["ab", "c"]]), [["ab", "c"]]),
        (np.array([b"ab"]), ["YWI="]),
        (np.array(["2024-01-31", "NaT"], dtype="M8[D]"), ["2024-01-31", None]),
        (np.array(["2024-02"], dtype="M8[M]"), ["2024-02-01"]),
        (np.array(["2024-01-31T10:20:30", "NaT"], dtype="M8[ns]"), ["2024-01-31T10:20:30", None]),
        (np.array(["2024-01-31T10:20:30.000000005"], dtype="M8[ns]"), ["2024-01-31T10:20:30.000000005"]),
        (np.datetime64("2024-01-31T10"), "2024-01-31T10:00:00"),
        (np.datetime64("NaT", "s"), None),
        (np.array([5, "NaT"], dtype="m8[s]"), ["P0DT0H0M5S", None]),
        (np.array([[-1500], [2]], dtype="m8[ms]"), [["P-1DT23H59M58.5S"], ["P0DT0H0M0.002S"]]),
        (np.timedelta64(3, "Y"), "P3Y"),
        ({np.timedelta64(3, "D"): datetime.timedelta(days=3)}, {"P3DT0H0M0S": "P3DT0H0M0S"}),
        (np.array([(1, 2.5)], dtype=[("id", "i4"), ("size", "f8")]), [{"id": 1, "size": 2.5}]),
        (np.array([([1, 2],)], dtype=[("pair", "i4", (2,))]), [{"pair": [1, 2]}]),
        (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, None]),
        ({np.int64(3): 1, np.float32(0.5): 2, np.bool_(True): 3}, {"3": 1, "0.5": 2, "true": 3}),
    ],
    ids=repr,
)
def test_numpy_values_are_written_as_json(value: object, written: object) -> None:
    assert read(value) == written


def test_an_array_is_left_as_it_is() -> None:
    array = np.asfortranarray(np.array([[1.5, np.nan], [3.0, 4.0]]))
    before = array.copy()

    told({"array": array, "when": datetime.date(2024, 1, 31)})

    assert np.array_equal(array, before, equal_nan=True)


# -- pandas


def test_a_frame_becomes_records_with_missing_cells_as_null() -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "real": [0.5, np.nan],
            "when": pd.to_datetime(["2024-01-31T10:00:00", "NaT"]),
            "span": pd.to_timedelta(["1 days", None]),
            "kind": pd.Categorical(["x", None]),
            "count": pd.array([1, None], dtype="Int64"),
            "text": ["t", None],
            7: [True, False],
        },
        index=["p", "q"],
    )

    assert read({"rows": frame})["rows"] == [  # type: ignore[index]
        {"whole": 1, "real": 0.5, "when": "2024-01-31T10:00:00", "span": "P1DT0H0M0S", "kind": "x"}
        | {"count": 1, "text": "t", "7": True},
        {"whole": 2, "real": None, "when": None, "span": None, "kind": None}
        | {"count": None, "text": None, "7": False},
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (pd.Series([1.5, np.nan]), [1.5, None]),
        (pd.Series(["a", None]), ["a", None]),
        (pd.Series(pd.to_datetime(["2024-01-31", "NaT"], utc=True)), ["2024-01-31T00:00:00+00:00", None]),
        (pd.Index(["p", "q"]), ["p", "q"]),
        (pd.MultiIndex.from_tuples([("p", 1)]), [["p", 1]]),
        (pd.Series(["a", "b", "a"]).unique(), ["a", "b"]),
        (pd.DataFrame({"a": []}), []),
        (pd.Timestamp("2024-01-31T10:00:00.5"), "2024-01-31T10:00:00.500000"),
        (pd.Timedelta("1 days"), "P1DT0H0M0S"),
        (pd.NaT, None),
        (pd.NA, None),
        ({pd.Timestamp("2024-01-31"): 1}, {"2024-01-31T00:00:00": 1}),
    ],
    ids=repr,
)
def test_pandas_values_are_written_as_json(value: object, written: object) -> None:
    assert read(value) == written


def test_an_infinity_in_a_frame_is_reported_since_it_is_no_missing_cell() -> None:
    assert told(pd.DataFrame({"a": [np.inf, np.nan]})) == ([{"a": None}, {"a": None}], 1)


def test_a_frame_with_a_column_name_twice_is_refused() -> None:
    with pytest.raises(ResultNotEncodable, match="two columns 'a'"):
        dumps(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_refusal_inside_a_frame_names_the_column() -> None:
    with pytest.raises(ResultNotEncodable, match=r"range at \.table\.tags\[1\]"):
        dumps({"table": pd.DataFrame({"tags": [1, range(2)]})})


# -- dates and bytes


@pytest.mark.parametrize(
    "value",
    [
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 12, 30),
        datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        datetime.time(10, 20, 30),
    ],
    ids=repr,
)
def test_dates_and_times_are_written_as_iso_text(value: datetime.date | datetime.time) -> None:
    assert read({"at": [value], value: 1}) == {"at": [value.isoformat()], value.isoformat(): 1}


@pytest.mark.parametrize(
    "value",
    [b"raw \xff", bytearray(b"raw \xff"), memoryview(b"rraaww  \xff\xff")[::2]],
    ids=["bytes", "bytearray", "memoryview"],
)
def test_bytes_are_written_as_base64(value: bytes) -> None:
    assert base64.b64decode(str(read(value))) == b"raw \xff"
