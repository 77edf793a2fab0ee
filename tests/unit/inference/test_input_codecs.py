"""Between one tensor and one value, by content type."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from scoringhost.inference.input_codecs import (
    Base64Codec,
    DatetimeCodec,
    JsonCodec,
    NumpyCodec,
    StringCodec,
    bytes_tensor,
    numbers_tensor,
)
from scoringhost.inference.messages import Tensor
from scoringhost.schema.declared import Misfit

MOMENT = datetime(2021, 8, 24, 15, 1, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("codec", "value", "elements"),
    [
        (StringCodec(), ["a", "ü"], ["a", "ü"]),
        (Base64Codec(), [b"\xff\x00"], [b"\xff\x00"]),
        (DatetimeCodec(), [MOMENT], ["2021-08-24T15:01:19+00:00"]),
    ],
    ids=["str", "base64", "datetime"],
)
def test_a_list_becomes_an_element_for_each_and_comes_back(codec: Any, value: list[Any], elements: list[Any]) -> None:
    tensor = codec.encode("x", value)
    assert (tensor.datatype, tensor.shape, tensor.array.tolist()) == ("BYTES", (len(value),), elements)
    assert tensor.parameters == {"content_type": codec.content_type}
    assert codec.can_encode(value)
    assert codec.decode(tensor) == value


@pytest.mark.parametrize("dtype", ["bool", "u1", "i8", "f2", "f8"])
def test_an_array_of_numbers_comes_back_as_it_was_and_is_its_readers_own(dtype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    tensor = NumpyCodec().encode("x", array)
    back = NumpyCodec().decode(tensor)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    back[0, 0] = 1
    assert array[0, 0] == 0


def test_an_array_of_texts_comes_back_as_texts() -> None:
    tensor = NumpyCodec().encode("x", np.array([["a"], ["b"]]))
    assert tensor.datatype == "BYTES"
    assert NumpyCodec().decode(tensor).tolist() == [["a"], ["b"]]


def test_moments_in_an_array_go_as_iso_8601() -> None:
    assert NumpyCodec().encode("x", np.array(["2021-01-02"], "M8[s]")).array.tolist() == ["2021-01-02T00:00:00"]


def test_a_shape_that_is_the_length_of_a_text_is_borne_with() -> None:
    assert NumpyCodec().decode(Tensor("x", "BYTES", (11,), bytes_tensor("x", ["hello world"], (1,)).array)).shape == (
        1,
    )


def test_base64_as_text_is_decoded_and_bytes_are_what_they_are() -> None:
    tensor = bytes_tensor("x", ["/wA=", b"/wA="], (2,))
    assert Base64Codec().decode(tensor) == [b"\xff\x00", b"/wA="]
    assert Base64Codec(in_bytes=True).decode(tensor) == [b"\xff\x00", b"\xff\x00"]
    assert Base64Codec(in_bytes=True).decode(bytes_tensor("x", [b"\xff"], (1,))) == [b"\xff"]


@pytest.mark.parametrize(
    ("codec", "element", "expected"),
    [
        (Base64Codec(), "no base64!", "base64 text"),
        (DatetimeCodec(), "tomorrow", "a date"),
        (StringCodec(), b"\xff", "UTF-8 text"),
        (JsonCodec(), "{", "JSON text"),
    ],
    ids=["base64", "datetime", "str", "json"],
)
def test_an_element_that_is_not_of_the_content_type_is_named(codec: Any, element: Any, expected: str) -> None:
    good = {"json": "1", "datetime": "2020-01-01"}.get(codec.content_type, "aaaa")
    with pytest.raises(Misfit, match=expected) as caught:
        codec.decode(bytes_tensor("x", [good, element], (2,)))
    assert caught.value.path == "[1]"


@pytest.mark.parametrize("codec", [StringCodec(), Base64Codec(), DatetimeCodec()])
def test_a_missing_element_stays_missing(codec: Any) -> None:
    assert codec.decode(bytes_tensor("x", [None], (1,))) == [None]


def test_an_empty_text_is_a_missing_moment_as_binary_tensors_have_it() -> None:
    assert DatetimeCodec().decode(bytes_tensor("x", [b""], (1,))) == [None]


def test_a_date_alone_is_midnight() -> None:
    assert DatetimeCodec().decode(DatetimeCodec().encode("x", [date(2020, 1, 2)])) == [datetime(2020, 1, 2)]


def test_any_json_value_is_one_element() -> None:
    tensor = JsonCodec().encode("x", {"a": [1, None]})
    assert tensor.shape == (1,)
    assert JsonCodec().decode(tensor) == {"a": [1, None]}
    assert JsonCodec().decode(bytes_tensor("x", ["1", '"a"'], (2,))) == [1, "a"]


def test_numbers_that_a_datatype_cannot_hold_are_refused() -> None:
    with pytest.raises(Misfit, match="INT64"):
        numbers_tensor("x", "INT64", [2**70])
