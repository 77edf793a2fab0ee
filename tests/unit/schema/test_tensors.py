"""Declared types and tensors: names, datatypes and shapes, from tensors to values and back."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType as Numpy
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType as Pandas
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType as Standard

from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.schema.inference import declare
from scoringhost.schema.tensor_metadata import DATATYPES, datatype_of
from scoringhost.schema.tensors import AsGiven

FRAME = pd.DataFrame({"n": [1], "x": [1.5], "ok": [True], "name": ["a"], "day": pd.to_datetime(["2020-01-01"])})
RECORDS = np.zeros(1, dtype=[("a", "f4"), ("b", "i2", (2,)), ("t", "U3")])


def zeros(dtype: str, *shape: int, **flags: bool) -> DeclaredType:
    return declare(Numpy(np.zeros(shape or (1,), dtype=dtype), **flags))


def rows(declared: DeclaredType) -> list[tuple[Any, ...]]:
    return [(one.suffix, one.datatype, one.shape, one.content_type) for one in declared.tensors()]


def objects(*elements: Any) -> Any:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
def test_every_datatype_of_numbers_is_that_of_its_dtype(datatype: str) -> None:
    row = DATATYPES[datatype]
    assert datatype_of(np.dtype(row.numpy)) == datatype
    assert np.dtype(row.numpy).itemsize == row.size


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (zeros("f4", 3, 4), [("", "FP32", (-1, 4), "np")]),
        (zeros("u1", 3, 4, enforce_shape=False), [("", "UINT8", (-1, -1), "np")]),
        (zeros("M8[s]"), [("", "BYTES", (-1,), "datetime")]),
        (zeros("m8[s]"), [("", "BYTES", (-1,), "str")]),
        (zeros("U3"), [("", "BYTES", (-1,), "np")]),
        (zeros("O"), [("", "BYTES", (-1,), "np")]),
        (zeros("c16"), [("", "BYTES", (-1,), "np")]),
        (
            declare(Numpy(RECORDS)),
            [("a", "FP32", (-1,), "np"), ("b", "INT16", (-1, 2), "np"), ("t", "BYTES", (-1,), "np")],
        ),
        (
            declare(Pandas(FRAME)),
            [
                ("n", "INT64", (-1,), None),
                ("x", "FP64", (-1,), None),
                ("ok", "BOOL", (-1,), None),
                ("name", "BYTES", (-1,), "str"),
                ("day", "BYTES", (-1,), "datetime"),
            ],
        ),
        (declare(Standard(True)), [("", "BOOL", (1,), None)]),
        (declare(Standard(1)), [("", "INT64", (1,), None)]),
        (declare(Standard(1.5)), [("", "FP64", (1,), None)]),
        (declare(Standard("a")), [("", "BYTES", (1,), "str")]),
        (declare(Standard(b"a")), [("", "BYTES", (1,), "base64")]),
        (declare(Standard(datetime.date(2020, 1, 1))), [("", "BYTES", (1,), "datetime")]),
        (declare(Standard([1, 2])), [("", "INT64", (-1,), None)]),
        (declare(Standard([1, 2.5])), [("", "FP64", (-1,), None)]),
        (declare(Standard(["a"])), [("", "BYTES", (-1,), "str")]),
        (declare(Standard([[1, 2], [3]])), [("", "INT64", (-1, -1), None)]),
        (declare(Standard([[1.5]])), [("", "FP64", (-1, -1), None)]),
        (declare(Standard([["a"]])), [("", "BYTES", (1,), "json")]),
        (declare(Standard([1, [2]])), [("", "BYTES", (1,), "json")]),
        (declare(Standard([1, "a"])), [("", "BYTES", (1,), "json")]),
        (declare(Standard([{"a": 1}])), [("", "BYTES", (1,), "json")]),
        (declare(Standard({"a": 1})), [("", "BYTES", (1,), "json")]),
        (declare(Standard({"a": Standard(1), "b": 2})), [("", "BYTES", (1,), "json")]),
        (
            declare(Standard({"a": Standard(1), "f": Pandas(FRAME[["n"]])})),
            [("a", "INT64", (1,), None), ("f.n", "INT64", (-1,), None)],
        ),
        (declare(Standard([Numpy(np.zeros((1, 2)))])), [("", "FP64", (-1, -1, 2), "np")]),
        (declare(Standard([Standard(1)])), [("", "INT64", (-1,), None)]),
        (AsGiven(), [("", "BYTES", (1,), "json")]),
    ],
)
def test_the_tensors_of_a_type(declared: DeclaredType, expected: list[tuple[Any, ...]]) -> None:
    assert rows(declared) == expected


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (zeros("f4", 1, 2), [[1.5, 2.0], [3.0, 4.0]]),
        (zeros("i2"), [1, 2]),
        (zeros("?"), [True, False]),
        (zeros("U3"), ["abc", "\u00e9"]),
        (zeros("M8[s]"), ["2020-01-01T00:00:01", None]),
        (zeros("m8[s]"), ["PT5S", "P1D"]),
        (declare(Numpy(np.array(1.5))), 2.5),
        (declare(Numpy(RECORDS)), [{"a": 1.5, "b": [1, 2], "t": "x"}, {"a": 2.5, "b": [3, 4], "t": "yz"}]),
        (declare(Pandas(FRAME)), [{"n": 1, "x": 1.5, "ok": True, "name": "a", "day": "2020-01-01T00:00:00"}]),
        (declare(Standard(True)), True),
        (declare(Standard(7)), 7),
        (declare(Standard(1.5)), 2.5),
        (declare(Standard("a")), "text"),
        (declare(Standard(b"a")), "YWJj"),
        (declare(Standard(datetime.date(2020, 1, 1))), "2021-02-03"),
        (declare(Standard(datetime.datetime(2020, 1, 1))), "2021-02-03T04:05:06"),
        (declare(Standard([1, 2])), [1, 2, 3]),
        (declare(Standard([[1.5]])), [[1.0, 2.0], [3.0, 4.0]]),
        (declare(Standard(["a"])), ["a", "b"]),
        (declare(Standard([])), [1, "a", None]),
        (declare(Standard({"a": 1})), {"a": [1, None]}),
        (declare(Standard({"a": Standard(1), "f": Pandas(FRAME[["n"]])})), {"a": 1, "f": [{"n": 1}, {"n": 2}]}),
        (declare(Standard([Numpy(np.zeros((1, 2)))])), [[[1.0, 2.0]], [[3.0, 4.0]]]),
        (declare(Standard([Standard(1)])), [1, 2]),
        (AsGiven(), {"a": [1, None]}),
    ],
)
def test_what_goes_into_tensors_comes_out_as_to_python_has_it(declared: DeclaredType, value: Any) -> None:
    tensors = declared.to_tensors(value)
    assert list(tensors) == [one.suffix for one in declared.tensors()]
    for one in declared.tensors():
        array = tensors[one.suffix]
        assert array.dtype == np.dtype(DATATYPES[one.datatype].numpy)
        assert array.ndim == len(one.shape)
        assert all(axis in (-1, length) for axis, length in zip(one.shape, array.shape, strict=True))
    found, expected = declared.from_tensors(tensors), declared.to_python(value)
    assert type(found) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)  # type: ignore[arg-type]
    else:
        assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("declared", "tensors", "message"),
    [
        (zeros("f4", 1, 2), {"": np.zeros((3, 7))}, "got shape (3, 7)"),
        (zeros("f4"), {"": objects("1")}, "got BYTES"),
        (zeros("f4"), {}, "expected a tensor, got none"),
        (zeros("i4"), {"": np.array([2**40])}, "expected int32, got int (1099511627776) at [0]"),
        (zeros("U3"), {"": objects("a", b"\xff")}, "expected UTF-8 text, got str ('ff') at [1]"),
        (zeros("M8[s]"), {"": objects("2020-01-01", "soon")}, "milliseconds since 1970), got str ('soon') at [1]"),
        (declare(Numpy(RECORDS)), {"a": np.zeros(1, "f4")}, "got no such tensor at .b"),
        (declare(Pandas(FRAME[["n", "x"]])), {"n": np.array([1])}, "missing x"),
        (declare(Pandas(FRAME[["n"]])), {"n": np.array([1.5])}, "got an array of float64 at .n"),
        (declare(Pandas(FRAME[["n"]])), {"n": objects("1")}, "expected INT64, got BYTES at .n"),
        (declare(Pandas(FRAME[["n"]])), {"n": np.zeros((1, 2))}, "got shape (1, 2) at .n"),
        (declare(Pandas(FRAME[["n", "x"]])), {"n": np.array([1]), "x": np.zeros(2)}, "got lengths 1, 2"),
        (declare(Standard(1)), {"": np.array([1, 2])}, "expected one element, got shape (2,)"),
        (declare(Standard(1)), {"": np.array([1.5])}, "expected int, got float (1.5)"),
        (declare(Standard(b"a")), {"": objects("no base64")}, "expected base64 text"),
        (declare(Standard({"a": 1})), {"": objects("{")}, "expected JSON text, got str ('{')"),
        (declare(Standard({"a": 1})), {"": objects("[]")}, "expected object, got a list of 0"),
        (declare(Standard({"a": Standard(1)})), {"a": np.array(["x"])}, "expected int, got str ('x') at .a"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(declared: DeclaredType, tensors: dict[str, Any], message: str) -> None:
    with pytest.raises(Misfit) as refused:
        declared.from_tensors(tensors)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        (zeros("i4"), [1.5], "expected int32, got float (1.5) at [0]"),
        (declare(Pandas(FRAME[["n"]])), [{"m": 1}], "missing n; unknown m"),
        (declare(Standard([1])), [1, True], "expected INT64, got bool (True) at [1]"),
        (declare(Standard([[1]])), [[1], [True]], "expected INT64, got bool (True) at [1][0]"),
        (declare(Standard([[1]])), [[1], [2, 3]], "expected lists of one length, got lengths 1, 2"),
        (declare(Standard(1)), 2**70, "expected INT64, got int (1180591620717411303424)"),
        (declare(Standard({"a": Standard(1)})), {}, "expected a member 'a'"),
        (declare(Standard([Numpy(np.zeros(1))])), [[1.0], [1.0, 2.0]], "items of one shape"),
        (declare(Standard([Standard(1)])), 5, "expected list, got int (5)"),
    ],
)
def test_a_result_that_does_not_fit_has_no_tensors(declared: DeclaredType, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as refused:
        declared.to_tensors(value)
    assert message in str(refused.value)


def test_bytes_stay_bytes_and_base64_comes_as_text() -> None:
    declared = declare(Standard(b"a"))
    assert declared.from_tensors({"": objects(b"\x00\xff")}) == b"\x00\xff"
    assert declared.from_tensors({"": objects("AP8=")}) == b"\x00\xff"
    assert declared.to_tensors(b"\x00\xff")[""].tolist() == [b"\x00\xff"]
    assert zeros("S2").from_tensors({"": objects(b"ab", b"c")}).tolist() == [b"ab", b"c"]  # type: ignore[attr-defined]


def test_arrays_of_tensors_may_be_written_to() -> None:
    value = np.frombuffer(np.zeros(2, "f4").tobytes(), "f4")
    assert not value.flags.writeable
    assert zeros("f4").from_tensors({"": value}).flags.writeable  # type: ignore[attr-defined]


def test_columns_of_one_axis_and_of_two_are_the_same() -> None:
    declared = declare(Pandas(FRAME[["n", "name"]]))
    found: Any = declared.from_tensors({"n": np.array([[1], [2]]), "name": objects(b"x", "y")})
    assert found.to_dict("list") == {"n": [1, 2], "name": ["x", "y"]}


def test_a_missing_cell_among_whole_numbers_has_no_tensor_and_one_among_floats_is_nan() -> None:
    sample = pd.DataFrame({"n": pd.array([1], dtype="Int64"), "x": pd.array([1.5], dtype="Float64")})
    declared = declare(Pandas(sample))
    assert np.isnan(declared.to_tensors([{"n": 1, "x": None}])["x"][0])
    with pytest.raises(Misfit, match=r"expected INT64, got null at \[1\].n"):
        declared.to_tensors([{"n": 1, "x": 1.0}, {"n": None, "x": 1.0}])


@settings(max_examples=100, deadline=None)
@given(
    dtype=st.sampled_from(["f4", "f8", "i1", "i8", "u1", "?", "U3", "O", "M8[s]"]),
    other=st.sampled_from(["f4", "f8", "i1", "i8", "u8", "?", "U3", "S3", "O", "M8[s]", "m8[s]"]),
    shape=st.sampled_from([(), (0,), (2,), (0, 2), (2, 2), (1, 3)]),
)
def test_any_array_is_a_value_or_a_misfit(dtype: str, other: str, shape: tuple[int, ...]) -> None:
    declared = zeros(dtype, 1, 2)
    try:
        found: Any = declared.from_tensors({"": np.zeros(shape, other)})
    except Misfit:
        return
    assert found.shape[1:] == (2,)
    assert found.dtype.kind == np.dtype(dtype).kind
