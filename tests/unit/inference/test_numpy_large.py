"""Large requests in JSON are read as small ones are, but faster."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from scoringhost.errors import InvalidTensor
from scoringhost.inference.numpy_large import read_data
from scoringhost.inference.numpy_requests import read_request


def body(datatype: str, shape: list[int], data: Any, **rest: Any) -> bytes:
    one = {"name": "data", "datatype": datatype, "shape": shape, "data": data}
    return json.dumps({"id": "a", "inputs": [one], **rest}).encode()


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64", "UINT8", "UINT64"])
@pytest.mark.parametrize("nested", [False, True])
def test_large_numbers_are_the_same_by_both_ways(datatype: str, nested: bool) -> None:
    array = np.arange(20_000).reshape(100, 200) % 200
    data = (array if nested else array.reshape(-1)).tolist()
    sent = body(datatype, [100, 200], data, outputs=[{"name": "x", "parameters": {"list": [[1], 2]}}])
    assert read_data(sent) is not None
    found = read_request(sent)
    assert (found.id, found.outputs[0].parameters) == ("a", {"list": [[1], 2]})
    assert found.inputs[0].array.shape == (100, 200)
    assert found.inputs[0].array.tolist() == array.tolist()
    assert found.inputs[0].array.dtype == read_request(body(datatype, [1], [1])).inputs[0].array.dtype


@pytest.mark.parametrize(
    "data",
    [["x"], [True], [1e40], [[1, 2], [3]], [None, {}], [1, 2, 3]],
)
def test_what_is_wrong_in_large_data_is_said_as_in_small(data: list[Any]) -> None:
    with pytest.raises(InvalidTensor, match="input 'data"):
        read_request(body("FP32", [8000], [1.5] * 7999 + data if data != [1, 2, 3] else [1.5] * 7999))


def test_null_in_large_data_is_nan() -> None:
    assert np.isnan(read_request(body("FP32", [8000], [1.5] * 7999 + [None])).inputs[0].array[-1])


def test_what_is_too_large_for_a_short_integer_is_refused() -> None:
    with pytest.raises(InvalidTensor, match=r"data\[7999\]"):
        read_request(body("UINT8", [8000], [1] * 7999 + [300]))
