"""Our decoding against inference-schema's own: equal wherever that succeeds, but for the rows of DIFFERENCES."""

from __future__ import annotations

import copy
import json
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType

from scoringhost.schema.declared import Misfit
from scoringhost.schema.inference import declare

set_hypothesis_home_dir(
    Path(tempfile.gettempdir()) / "scoringhost-hypothesis"
)  # nothing is to be left in the working tree

Json = Any
QUICK = settings(
    max_examples=80,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Cell:
    """One JSON leaf on its way into one dtype; `beside` are the other leaves of its column or array."""

    value: Json
    dtype: Any
    beside: Sequence[Json]

    @property
    def kind(self) -> str:
        return str(self.dtype.kind)


@dataclass(frozen=True)
class Difference:
    """Where we mean to differ from inference-schema, and why.

    `sample` (an array, or a frame in the records orient) and `value` show it; `applies` tells a cell that
    brings it about, and is never true for what depends on columns and layout.
    """

    name: str
    why: str
    we_refuse: bool
    sample: Any
    value: Json
    applies: Callable[[Cell], bool] = lambda cell: False
    orient: str = "records"


def is_fraction(value: Json) -> bool:
    return isinstance(value, float) and not value.is_integer()


def is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_masked(dtype: Any) -> bool:
    return getattr(dtype, "na_value", None) is pd.NA


def cannot_hold(cell: Cell) -> bool:
    if not isinstance(cell.dtype, np.dtype) or cell.kind not in "iu" or not is_number(cell.value):
        return False
    limits = np.iinfo(cell.dtype)
    return not limits.min <= cell.value <= limits.max


FINER = {
    "datetime64[D]": ["2024-02-29T10:11:12"],
    "timedelta64[s]": ["1500 milliseconds"],
    "timedelta64[D]": ["1500 milliseconds", "5 seconds", "2 Minutes"],
    "timedelta64[us]": ["3", "4", "1.5", "2024-02"],
}
"""Texts below that are finer than the unit; a bare number is taken as nanoseconds."""


def frame(cells: Any, dtype: Any = None, name: str = "x") -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(cells, dtype=dtype)})


STAMPS = pd.to_datetime(["2024-01-31T10:00:00"])
PAIR = pd.DataFrame({"a": [1], "b": [2.5]})

DIFFERENCES = (
    Difference(
        "fraction",
        "1.7 would become 1 (D04, I1)",
        True,
        np.zeros(2, dtype="i8"),
        [1.7],
        lambda c: c.kind in "iu" and is_fraction(c.value),
    ),
    Difference(
        "integer range", "int32 would wrap around (D04)", True, frame([1], "int32"), [{"x": 2**31}], cannot_hold
    ),
    Difference(
        "text as truth",
        "'False' would become true (D04, I1)",
        True,
        frame([True]),
        [{"x": "False"}],
        lambda c: c.kind == "b" and isinstance(c.value, str),
    ),
    Difference(
        "missing truth",
        "null and NaN would become true or false (D04)",
        True,
        frame([True]),
        [{"x": True}, {"x": None}],
        lambda c: c.kind == "b" and not is_masked(c.dtype) and (c.value is None or c.value != c.value),
    ),
    Difference(
        "object or list as truth",
        "anything would become true (D04)",
        True,
        np.zeros(2, dtype=bool),
        [{"a": 1}],
        lambda c: c.kind == "b" and isinstance(c.value, (dict, list)),
    ),
    Difference(
        "text width",
        "text would be cut to the sample's length (D04, I1)",
        False,
        np.zeros(2, dtype="U3"),
        ["abcdefgh"],
        lambda c: c.kind in "US" and len(str(c.value)) > c.dtype.itemsize // (4 if c.kind == "U" else 1),
    ),
    Difference(
        "null or object as text",
        "null would become 'Non' (D04)",
        True,
        np.zeros(2, dtype="U3"),
        [None],
        lambda c: c.kind in "US" and (c.value is None or isinstance(c.value, dict)),
    ),
    Difference(
        "time range",
        "a year beyond the unit's range would become another year (D04)",
        True,
        np.zeros(2, dtype="M8[ns]"),
        ["9999-01-01"],
        lambda c: str(c.dtype) == "datetime64[ns]" and c.value in ("9999-01-01", "4"),
    ),
    Difference(
        "year of one digit",
        "a number in a text would become a year of the first century (D04)",
        True,
        np.zeros(1, dtype="M8[D]"),
        ["4"],
        lambda c: c.kind == "M" and c.value == "4",
    ),
    Difference(
        "time unit",
        "the rest of a finer time would be dropped (D04)",
        True,
        np.zeros(2, dtype="m8[s]"),
        ["1500 milliseconds"],
        lambda c: c.value in FINER.get(str(c.dtype), ()),
    ),
    Difference(
        "number as date",
        "seconds would be read as microseconds (D04)",
        True,
        frame(STAMPS),
        [{"x": 1709168523}],
        lambda c: c.kind == "M" and isinstance(c.value, (int, float)),
    ),
    Difference(
        "milliseconds as date",
        "epoch milliseconds would be read as microseconds",
        False,
        frame(STAMPS),
        [{"x": 1709168523000}],
        lambda c: c.kind == "M" and is_number(c.value),
    ),
    Difference(
        "day before the year",
        "the 1st of February would be the 2nd of January (D04)",
        True,
        frame(STAMPS),
        [{"x": "01.02.2022"}],
    ),
    Difference(
        "zone for a sample without one",
        "the spelling that the API document names would be refused",
        False,
        frame(STAMPS),
        [{"x": "2024-02-29T10:00:00Z"}],
        lambda c: c.kind == "M" and isinstance(c.value, str) and c.value.endswith("Z"),
    ),
    Difference(
        "number as span",
        "the milliseconds that to_json writes would be read as nanoseconds (D04)",
        True,
        frame(pd.to_timedelta(["1 days"])),
        [{"x": 5000}],
        lambda c: c.kind == "m" and (is_number(c.value) or c.value in ("3", "4", "1.5")),
    ),
    Difference(
        "span in ISO 8601",
        "arrays would take no span as frames and results have it",
        False,
        np.zeros(1, dtype="m8[s]"),
        ["PT5S"],
        lambda c: c.kind == "m" and c.value in (None, "P1D", "1 days 03:00:00"),
    ),
    Difference(
        "date without year",
        "it would be filled up from the server's clock (D04)",
        True,
        frame(STAMPS),
        [{"x": "10:20"}],
        lambda c: c.kind == "M" and c.value == "10:20",
    ),
    Difference(
        "category",
        "an unknown category would become a missing value (D04, I4)",
        True,
        frame(["a"], "category"),
        [{"x": "z"}],
        lambda c: (
            isinstance(c.dtype, pd.CategoricalDtype)
            and c.value is not None
            and (c.value is True or c.value not in c.dtype.categories)
        ),
    ),
    Difference(
        "number in a text column",
        "1 beside null or 2.5 would become '1.0' (I3)",
        False,
        frame(["a"]),
        [{"x": 1}, {"x": None}],
        lambda c: (
            isinstance(c.dtype, pd.StringDtype)
            and type(c.value) is int
            and any(b is None or isinstance(b, float) for b in c.beside)
        ),
    ),
    Difference(
        "large integer beside a float",
        "digits beyond 2**53 would be lost (I3)",
        False,
        frame([1], "Int64"),
        [{"x": 2**53 + 1}, {"x": None}],
        lambda c: (
            type(c.value) is int and abs(c.value) > 2**53 and any(b is None or isinstance(b, float) for b in c.beside)
        ),
    ),
    Difference(
        "very large integer",
        "read_json refuses integers of more than 64 bits (I3)",
        False,
        frame([1.5]),
        [{"x": 2**70}],
        lambda c: type(c.value) is int and abs(c.value) >= 2**63,
    ),
    Difference("text as record", "its characters would become fields", True, np.zeros(1, dtype="i4, i4"), ["12"]),
    Difference("long record", "what is too much would be dropped", True, np.zeros(1, dtype="i4, i4"), [[1, 2, 3]]),
    Difference("other columns", "only their number would be checked (I4)", True, PAIR, [{"x": 1, "y": 2}]),
    Difference("column order", "the sample's order is kept (I4)", False, PAIR, [{"b": 1, "a": 2}]),
    Difference(
        "name like a number", "the column would lose name and dtype (I3)", False, frame([1], name="0"), [{"0": 1}]
    ),
    Difference("short row", "cells would be made up (D04)", True, PAIR, [[1, 2], [3]], orient="values"),
    Difference(
        "split without data",
        "an empty table would be made up (D04)",
        True,
        PAIR,
        {"columns": ["a", "b"]},
        orient="split",
    ),
    Difference(
        "row label like an epoch",
        "a large number would become a date (I3)",
        False,
        PAIR,
        {"columns": ["a", "b"], "index": [1709168523], "data": [[1, 2]]},
        orient="split",
    ),
    Difference(
        "early row label",
        "milliseconds before 1971 would stay numbers",
        False,
        PAIR.set_index(STAMPS - pd.Timedelta("19700 days")),
        {"columns": ["a", "b"], "index": [86_400_000], "data": [[1, 2]]},
        orient="split",
    ),
    Difference(
        "row labels of several parts",
        "read_json does not read what to_json writes",
        False,
        PAIR.set_index(pd.MultiIndex.from_tuples([("x", 1)])),
        {"columns": ["a", "b"], "index": [["y", 2]], "data": [[1, 2]]},
        orient="split",
    ),
    Difference(
        "numbered columns",
        "a column's dtype would be that of another one",
        False,
        pd.DataFrame({1: [1], 0: ["x"]}),
        [[5, "y"]],
        orient="values",
    ),
    Difference(
        "row label with zeros", "007 would become 7 (I3)", False, PAIR, {"007": {"a": 1, "b": 2}}, orient="index"
    ),
)
"""Every intended difference. One more is in `agree`: read_json loses the last digits of floats (I3)."""


def excusing(cells: Sequence[Cell], *, refused: bool) -> list[str]:
    return [row.name for row in DIFFERENCES if row.we_refuse == refused and any(row.applies(cell) for cell in cells)]


@dataclass(frozen=True)
class Outcome:
    result: Any = None
    error: Exception | None = None


def outcome(decode: Callable[[Json], object], value: Json) -> Outcome:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return Outcome(result=decode(value))
        except Exception as error:
            return Outcome(error=error)


def agree(theirs: Any, ours: Any) -> bool:
    try:
        if isinstance(theirs, pd.DataFrame):
            pd.testing.assert_frame_equal(theirs, ours, rtol=1e-12, check_column_type=False, check_index_type=False)
            whole = [
                place for place, dtype in enumerate(theirs.dtypes) if dtype.kind in "iu"
            ]  # rtol holds for them too
            return all(repr(theirs.iloc[:, at].tolist()) == repr(ours.iloc[:, at].tolist()) for at in whole)
        if theirs.dtype.names is not None and theirs.dtype == ours.dtype:
            return all(agree(theirs[name], ours[name]) for name in theirs.dtype.names)
        if theirs.dtype == object:  # NaN in it equals nothing, not even under assert_array_equal
            return theirs.shape == ours.shape and repr(theirs.tolist()) == repr(ours.tolist())
        np.testing.assert_array_equal(theirs, ours, strict=True)
    except AssertionError:
        return False
    return True


def compare(param_type: Any, value: Json, cells: Sequence[Cell]) -> None:
    """Fail unless both decode alike, or both refuse, or a named difference explains it."""
    before = copy.deepcopy(value)
    theirs = outcome(param_type.deserialize_input, copy.deepcopy(value))
    ours = outcome(declare(param_type).to_python, value)
    assert repr(value) == repr(before), "the input was changed"
    assert ours.error is None or type(ours.error) is Misfit, ours.error
    if ours.error is not None:
        assert theirs.error is not None or excusing(cells, refused=True), (ours.error, theirs.result)
    elif theirs.error is not None:
        assert excusing(cells, refused=False), (theirs.error, ours.result)
    elif not agree(theirs.result, ours.result):
        assert excusing(cells, refused=False), (theirs.result, ours.result)


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.name)
def test_each_intended_difference_is_one(row: Difference) -> None:
    param_type = (
        NumpyParameterType(row.sample)
        if isinstance(row.sample, np.ndarray)
        else PandasParameterType(row.sample, orient=row.orient)
    )
    theirs = outcome(param_type.deserialize_input, copy.deepcopy(row.value))
    ours = outcome(declare(param_type).to_python, row.value)
    if row.name == "number in a text column" and pd.Series(["a"]).dtype == np.dtype(object):
        pytest.skip("in pandas 2 a column of texts is one of objects, which both leave alone")
    assert (ours.error is not None) == row.we_refuse
    assert theirs.error is None or not row.we_refuse
    assert ours.error is not None or theirs.error is not None or not agree(theirs.result, ours.result)


ODD = st.sampled_from(
    [None, True, False, "", "4", "1.5", "x", "False", "nan", [1], [], {}, {"a": 1}, math.inf, math.nan]
)
NUMBERS = st.one_of(st.integers(-300, 300), st.floats(-1e6, 1e6), st.sampled_from([0.5, 1.0, 2**31, 2**53 + 1, 1e300]))
TEXTS = st.one_of(st.text("abé", max_size=5), st.sampled_from(["abcdefgh", "None"]))
DATES = st.sampled_from(
    ["2024-02-29", "1999-12-31", "2024-02", "2024-02-29T10:11:12", "2024-02-30", "", "NaT", "9999-01-01"]
)
SPANS = st.sampled_from(
    ["5 seconds", "2 Minutes", "1500 milliseconds", "3", "1 years", "x days", "2 days", "P1D", "1 days 03:00:00"]
)
FITTING = {"U": TEXTS, "S": TEXTS, "M": DATES, "m": SPANS, "b": st.booleans(), "O": st.one_of(NUMBERS, TEXTS)}


def cells_for(kind: str) -> st.SearchStrategy[Json]:
    usual = FITTING.get(kind, NUMBERS)
    return st.one_of(usual, usual, usual, usual, usual, usual, NUMBERS, ODD)


def fitting_or_not(kind: str) -> st.SearchStrategy[st.SearchStrategy[Json]]:
    """Usually cells of one sort, so that whole arrays succeed; sometimes a mixture."""
    return st.sampled_from([FITTING.get(kind, NUMBERS), st.integers(-5, 120), cells_for(kind)])


@st.composite
def arrays(draw: st.DrawFn, kind: str, shape: tuple[int, ...]) -> Json:
    cell = draw(fitting_or_not(kind))
    sizes = [draw(st.integers(0, 3)), *shape[1:]]
    if draw(st.integers(0, 9)) == 0:
        sizes[-1] += 1
    if draw(st.integers(0, 9)) == 0:
        sizes.append(1)

    def nest(depth: int) -> Json:
        if depth == len(sizes):
            return draw(cell)
        ragged = draw(st.integers(0, 30)) == 0
        return [nest(depth + 1) for _ in range(sizes[depth] + ragged)]

    return nest(0)


def leaves(value: Json) -> Iterator[Json]:
    for item in value if isinstance(value, list) else []:
        yield item
        yield from leaves(item)


NUMPY_DTYPES = ["f8", "f4", "f2", "i8", "i4", "i1", "u1", "u8", "?", "U3", "S3", "O", "c16", ">i4"]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
@given(data=st.data())
@QUICK
@seed(1)
def test_arrays_decode_as_in_inference_schema(dtype: str, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(2,), (1, 2), (1, 2, 2)]))
    sample = np.zeros(shape, dtype=dtype)
    value = data.draw(arrays(sample.dtype.kind, shape))
    enforce_shape = data.draw(st.sampled_from([True, True, False]))
    found = list(leaves(value))
    cells = [Cell(leaf, sample.dtype, found) for leaf in found if not isinstance(leaf, list)]
    compare(NumpyParameterType(sample, enforce_shape=enforce_shape), value, cells)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["M8[D]", "M8[s]", "M8[ns]", "m8[s]", "m8[D]"])
@given(data=st.data())
@QUICK
@seed(2)
def test_times_decode_as_in_inference_schema(dtype: str, data: st.DataObject) -> None:
    sample = np.zeros(2, dtype=dtype)
    value = data.draw(st.lists(data.draw(fitting_or_not(sample.dtype.kind)), max_size=3))
    compare(NumpyParameterType(sample), value, [Cell(leaf, sample.dtype, value) for leaf in value])


@pytest.mark.slow
@given(value=arrays("f", (1, 2)), enforce_shape=st.booleans())
@QUICK
@seed(3)
def test_arrays_of_any_type_decode_as_in_inference_schema(value: Json, enforce_shape: bool) -> None:
    sample = np.zeros((1, 2))
    compare(NumpyParameterType(sample, enforce_column_type=False, enforce_shape=enforce_shape), value, [])


RECORD = np.dtype([("id", "i4"), ("weight", "f8"), ("name", "U3"), ("day", "M8[D]")])


@pytest.mark.slow
@given(data=st.data())
@QUICK
@seed(4)
def test_records_decode_as_in_inference_schema(data: st.DataObject) -> None:
    parts = [
        st.one_of(fit, fit, fit, cells_for(kind))
        for fit, kind in zip((NUMBERS, NUMBERS, TEXTS, DATES), "ifUM", strict=True)
    ]
    rows = data.draw(
        st.lists(
            st.one_of(
                st.tuples(*parts).map(list),
                st.tuples(*parts).map(lambda r: dict(zip(RECORD.names or (), r, strict=True))),
            ),
            max_size=3,
        )
    )
    cells = [
        Cell(leaf, RECORD[at], [])
        for row in rows
        for at, leaf in enumerate(row.values() if isinstance(row, dict) else row)
    ]
    compare(NumpyParameterType(np.zeros(1, dtype=RECORD)), rows, cells)


COLUMNS: dict[str, pd.Series[Any]] = {
    "int": pd.Series([1, 2]),
    "short": pd.Series([1, 2], dtype="int32"),
    "tiny": pd.Series([1, 2], dtype="uint8"),
    "real": pd.Series([0.5, 1.5]),
    "half": pd.Series([0.5, 1.5], dtype="float32"),
    "flag": pd.Series([True, False]),
    "text": pd.Series(["a", "b"]),
    "thing": pd.Series(["a", 1], dtype=object),
    "count": pd.Series([1, None], dtype="Int64"),
    "maybe": pd.Series([True, None], dtype="boolean"),
    "share": pd.Series([0.5, None], dtype="Float64"),
    "label": pd.Series(["a", None], dtype="string"),
    "kind": pd.Series(["a", "b"], dtype="category"),
    "grade": pd.Series([1, 2], dtype="category"),
    "stamp": pd.Series(pd.to_datetime(["2024-01-31T10:00:00", "2024-02-01T00:00:00"])),
    "created_at": pd.Series(pd.to_datetime(["2024-01-31T10:00:00Z", "2024-02-01T00:00:00Z"])),
    "span": pd.Series(pd.to_timedelta(["1 days", "2 days"])),
}
FRAME_FITTING = {
    "text": TEXTS,
    "label": TEXTS,
    "kind": st.sampled_from(["a", "b", "z", None]),
    "grade": st.sampled_from([1, 2, 3]),
    "flag": st.booleans(),
    "maybe": st.sampled_from([True, False, None]),
    "stamp": DATES,
    "created_at": st.sampled_from(["2024-02-29T10:00:00Z", "2024-02-29T10:00:00+02:00", "2024-02-29", None]),
    "span": SPANS,
}


@st.composite
def columns_of(draw: st.DrawFn, name: str, rows: int) -> list[Json]:
    usual = FRAME_FITTING.get(name, NUMBERS)
    cell = draw(
        st.sampled_from(
            [usual, usual, st.one_of(usual, st.none()), st.integers(0, 3), st.one_of(usual, usual, ODD, DATES)]
        )
    )
    return draw(st.lists(cell, min_size=rows, max_size=rows))


def as_orient(orient: str, names: Sequence[str], columns: Sequence[list[Json]], rows: int) -> Json:
    lines = [[column[row] for column in columns] for row in range(rows)]
    records = [dict(zip(names, line, strict=True)) for line in lines]
    layouts: dict[str, Callable[[], Json]] = {
        "records": lambda: records,
        "values": lambda: lines,
        "split": lambda: {"columns": list(names), "index": list(range(5, 5 + rows)), "data": lines},
        "index": lambda: {f"r{row}": record for row, record in enumerate(records)},
        "columns": lambda: {
            n: {str(row): c for row, c in enumerate(column)} for n, column in zip(names, columns, strict=True)
        },
        "table": lambda: {
            "schema": {
                "fields": [{"name": "index", "type": "integer"}, *({"name": n, "type": "any"} for n in names)],
                "primaryKey": ["index"],
            },
            "data": [{"index": row, **record} for row, record in enumerate(records)],
        },
    }
    return layouts[orient]()


@pytest.mark.slow
@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "values", "table"])
@given(data=st.data())
@settings(QUICK, max_examples=60)
@seed(5)
def test_frames_decode_as_in_inference_schema(orient: str, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=3, unique=True))
    sample = pd.DataFrame({name: COLUMNS[name] for name in names})
    rows = data.draw(st.integers(1, 3))
    columns = [data.draw(columns_of(name, rows)) for name in names]
    given_names = list(names)
    if data.draw(st.integers(0, 9)) == 0:
        given_names, columns = [*names, "more"], [*columns, data.draw(columns_of("more", rows))]
    param_type = PandasParameterType(
        sample,
        orient=orient,
        enforce_column_type=data.draw(st.sampled_from([True, True, False])),
        enforce_shape=data.draw(st.sampled_from([True, True, False])),
    )
    value = as_orient(orient, given_names, columns, rows)
    cells = [
        Cell(cell, sample.dtypes[name] if name in names and orient != "values" else np.dtype(object), column)
        for name, column in zip(given_names, columns, strict=True)
        for cell in column
    ]
    compare(param_type, value, cells)


LABELS: dict[str, pd.Index[Any]] = {
    "numbers": pd.Index([7, 9]),
    "texts": pd.Index(["r1", "r2"]),
    "digits": pd.Index(["7", "8"]),
    "dates": pd.to_datetime(["2024-01-31T10:00:00", "2024-02-01T11:00:00"]),
    "fine dates": pd.to_datetime(["2024-01-31T10:00:00.001", "2024-02-01T11:00:00.500"]).astype("M8[ns]"),
    "named dates": pd.to_datetime(["2024-01-31", "2024-02-01"]).rename("when"),
    "early dates": pd.to_datetime(["1972-01-31", "1973-02-01"]),
    "zoned dates": pd.to_datetime(["2024-01-31T10:00:00Z", "2024-02-01T11:00:00Z"]),
    "pairs": pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "l"]),
    "nameless pairs": pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]),
    "dated pairs": pd.MultiIndex.from_arrays([pd.to_datetime(["2024-01-31", "2024-02-01"]), [1, 2]], names=["k", "l"]),
}


@pytest.mark.parametrize("date_format", ["epoch", "iso"])
@pytest.mark.parametrize("orient", ["split", "index", "columns", "table"])
@pytest.mark.parametrize("labels", LABELS)
def test_row_labels_as_to_json_writes_them_are_those_of_inference_schema(
    labels: str, orient: Any, date_format: Any
) -> None:
    sample = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}, index=LABELS[labels])
    if orient == "table":
        date_format = "iso"  # the only one
    elif labels == "zoned dates" and date_format == "epoch":
        pytest.skip("inference-schema forgets the zone")
    elif labels == "digits" and orient != "split":
        pytest.skip("nothing tells them from numbers in the keys of an object")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas means to give up stamps; its users' programs are there already
        value = json.loads(sample.to_json(orient=orient, date_format=date_format))
    param_type = PandasParameterType(sample, orient=orient)
    ours = declare(param_type).to_python(copy.deepcopy(value))
    assert isinstance(ours, pd.DataFrame)
    if orient == "split" and isinstance(sample.index, pd.MultiIndex):  # read_json does not read it
        pd.testing.assert_frame_equal(ours, sample, check_index_type=False)
        return
    theirs = param_type.deserialize_input(value)
    assert agree(theirs, ours), (theirs.index, ours.index)
    assert list(theirs.index.names) == list(ours.index.names)
