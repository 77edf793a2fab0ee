"""Large arrays read from a buffer equal what the ordinary way makes of them, or are left to it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoringhost.schema import json_text
from scoringhost.schema.declared import Misfit
from scoringhost.schema.large_arrays import read
from scoringhost.schema.numpy_codec import NumpyCodec

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int8", "uint8")
NUMBERS = st.one_of(
    st.integers(-300, 300), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False, width=64)
)
ODD = st.sampled_from([None, True, "1", "x[", [], [1], {"a": 1}])


def codec_for(dtype: str, shape: tuple[int, ...] = (1, 2), **flags: bool) -> NumpyCodec:
    return NumpyCodec(np.zeros(shape, dtype=dtype), **flags)


def ordinary(codec: NumpyCodec, body: bytes) -> Any:
    try:
        return codec.to_python(json_text.loads(body)["data"])
    except Misfit:
        return None


def rows(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    even = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(leaf, min_size=n, max_size=n), min_size=1, max_size=4))
    return st.one_of(even, st.lists(st.lists(leaf, max_size=3), max_size=3), st.lists(leaf, max_size=3))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(DTYPES), rows(st.one_of(NUMBERS, NUMBERS, NUMBERS, ODD)), st.booleans())
def test_what_is_read_from_a_buffer_equals_what_the_ordinary_way_makes_of_it(
    dtype: str, data: Any, enforce_shape: bool
) -> None:
    body = json.dumps({"data": data}).encode()
    codec = codec_for(dtype, enforce_shape=enforce_shape)
    found: Any = read(body, {"data": codec})
    if found is None:
        return
    expected = ordinary(codec, body)
    assert expected is not None
    assert found["data"].dtype == expected.dtype
    np.testing.assert_array_equal(found["data"], expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3, 4)])
def test_arrays_of_one_shape_are_read_from_the_buffer(dtype: str, shape: tuple[int, ...]) -> None:
    data = np.arange(np.prod(shape)).reshape(shape)
    found: Any = read(json.dumps({"data": data.tolist()}).encode(), {"data": codec_for(dtype, (1, *shape[1:]))})
    assert found is not None
    np.testing.assert_array_equal(found["data"], data.astype(dtype))
    assert found["data"].flags.writeable


@pytest.mark.parametrize(
    "body",
    [
        '{"data": [[1, 2], [3]]}',
        '{"data": [1, [2]]}',
        '{"data": [[1, [2]]]}',
        '{"data": [[1, null]]}',
        '{"data": [[1, NaN]]}',
        '{"data": [[1, true]]}',
        '{"data": [[1, "2"]]}',
        '{"data": [[1, {"a": 2}]]}',
        '{"data": [[]]}',
        '{"data": []}',
        '{"data": 5}',
        '{"data": [[1, 2]], "data": [[3, 4]]}',
        '{"data": [[1, 2]], "more": 1}',
        '{"data": [[1, 123456789012345678901234567890]]}',
        '{"data": [[1, 2]',
        "[[1, 2]]",
    ],
)
def test_anything_else_is_left_to_the_ordinary_way(body: str) -> None:
    assert read(body.encode(), {"data": codec_for("float64")}) is None


@pytest.mark.parametrize(("dtype", "number"), [("int8", 128), ("uint8", -1), ("int32", 2**31), ("int64", 1.5)])
def test_a_number_that_the_dtype_cannot_hold_is_left_to_the_ordinary_way(dtype: str, number: float) -> None:
    body = json.dumps({"data": [[1, number]]}).encode()
    assert read(body, {"data": codec_for(dtype)}) is None


def test_several_arrays_are_read_together() -> None:
    types = {"a": codec_for("float64"), "b": codec_for("int64", (1,))}
    found: Any = read(b'{"b": [1, 2, 3], "a": [[1, 2], [3, 4]]}', types)
    assert found is not None
    assert found["b"].tolist() == [1, 2, 3]
    assert found["a"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_fault_of_a_type_that_reads_buffers_comes_through() -> None:
    class Faulty:
        buffer_kind = "d"

        def from_buffer(self, buffer: Any, shape: tuple[int, ...]) -> object | None:
            raise AttributeError("a fault of our own")

    with pytest.raises(AttributeError, match="a fault of our own"):
        read(b'{"data": [[1, 2]]}', {"data": Faulty()})


def test_after_whatever_was_refused_the_parser_is_free_for_the_next_body() -> None:
    types = {"data": codec_for("float64")}
    for body in (b'{"data": [[1, "2"]]}', b'{"data": [[1, [2]]]}', b'{"data": 5}', b"[", b'{"data": [[1, 2], [3]]}'):
        assert read(body, types) is None
        assert read(b'{"data": [[1, 2]]}', types) is not None
