"""The elements of tensors, from JSON and bytes to arrays and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scoringhost.inference.numpy_elements import checked_shape, from_bytes, from_json, to_bytes
from scoringhost.schema.declared import Misfit

Shape = tuple[int, ...]


@pytest.mark.parametrize(
    ("data", "datatype", "shape", "expected"),
    [
        ([1, 2.5, 3], "FP32", (3,), np.array([1, 2.5, 3], np.float32)),
        ([[1, 2], [3, 4]], "FP64", (2, 2), np.array([[1.0, 2], [3, 4]])),
        ([1.0, 2], "INT32", (2,), np.array([1, 2], np.int32)),
        ([2**64 - 1], "UINT64", (1,), np.array([2**64 - 1], np.uint64)),
        ([True, False], "BOOL", (2, 1), np.array([[True], [False]])),
        ([], "FP32", (0, 3), np.empty((0, 3), np.float32)),
        ([5], "INT8", (), np.array(5, np.int8)),
        ("hello", "BYTES", (5,), np.array(["hello"], object)),
        (["a", "bc"], "BYTES", (2, 11), np.array(["a", "bc"], object)),
        ([["a"], ["b"]], "BYTES", (2, 1), np.array([["a"], ["b"]], object)),
    ],
)
def test_json_becomes_an_array(data: Any, datatype: str, shape: Shape, expected: Any) -> None:
    array = from_json(data, datatype, shape)
    assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
    assert array.tolist() == expected.tolist()


def test_null_is_nan_in_floats_and_infinity_stays() -> None:
    assert math.isnan(from_json([None], "FP16", (1,))[0])
    assert from_json([math.inf], "FP32", (1,))[0] == math.inf


@pytest.mark.parametrize(
    ("data", "datatype", "shape", "path", "word"),
    [
        ([1, "2"], "FP32", (2,), "[1]", "a number or null"),
        ([1e39], "FP32", (1,), "[0]", "at most 3.4"),
        ([10**400], "FP64", (1,), "[0]", "at most 1.7"),
        ([0, 300], "INT8", (2,), "[1]", "-128 to 127"),
        ([2**63], "INT64", (1,), "[0]", "INT64"),
        ([1.5], "INT32", (1,), "[0]", "whole number"),
        ([None], "INT32", (1,), "[0]", "whole number"),
        ([1], "BOOL", (1,), "[0]", "true or false"),
        ([True], "FP32", (1,), "[0]", "a number"),
        ([1], "BYTES", (1,), "[0]", "text"),
        ([1, 2, 3], "FP32", (2, 2), "", "4 elements"),
        ([[1], [2, 3]], "FP32", (3,), "", "one length"),
        ([[1, 2], [3, 4]], "FP32", (4,), "", "4 elements"),
        ("1", "FP32", (1,), "", "a list"),
        (["a", "b", "c"], "BYTES", (2,), "", "2 elements"),
    ],
)
def test_what_is_none_of_the_datatype_is_a_misfit(data: Any, datatype: str, shape: Shape, path: str, word: str) -> None:
    with pytest.raises(Misfit) as caught:
        from_json(data, datatype, shape)
    assert caught.value.path == path
    assert word in caught.value.expected


@pytest.mark.parametrize("datatype", ["BOOL", "UINT8", "INT16", "UINT64", "FP16", "FP32", "FP64"])
def test_numbers_survive_bytes(datatype: str) -> None:
    array = from_json([1, 0, 1, 1] if datatype != "BOOL" else [True, False, True, True], datatype, (2, 2))
    again = from_bytes(memoryview(bytes(to_bytes(array, datatype))), datatype, (2, 2))
    assert (again.dtype, again.tolist()) == (array.dtype, array.tolist())
    assert bytes(to_bytes(array.T, datatype)) == array.T.tobytes()


def test_elements_of_bytes_have_their_lengths_before_them() -> None:
    data = to_bytes(np.array(["ä", b"\xff\0", ""], object), "BYTES")
    assert bytes(data) == b"\x02\0\0\0\xc3\xa4\x02\0\0\0\xff\0\0\0\0\0"
    assert from_bytes(memoryview(data), "BYTES", (3,)).tolist() == ["ä".encode(), b"\xff\0", b""]


@pytest.mark.parametrize(
    ("data", "datatype", "shape"),
    [
        (b"\0\0\0", "FP32", (1,)),
        (b"\2", "BOOL", (1,)),
        (b"\5\0\0\0ab", "BYTES", (1,)),
        (b"\1\0", "BYTES", (1,)),
        (b"\0\0\0\0", "BYTES", (2, 3, 4)),
    ],
)
def test_bytes_that_are_no_such_tensor_are_a_misfit(data: bytes, datatype: str, shape: Shape) -> None:
    with pytest.raises(Misfit):
        from_bytes(memoryview(data), datatype, shape)


@pytest.mark.parametrize("shape", [None, 3, [-1], [1.0], [True], ["1"], [2**40, 2**40], [1] * 40])
def test_a_shape_is_a_list_of_whole_numbers(shape: Any) -> None:
    with pytest.raises(Misfit):
        checked_shape(shape)
    assert checked_shape([2, 0]) == (2, 0)
