from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scoringhost.dialects.oip_grpc.parameters import read_parameters
from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.writing import error_bytes, response_bytes, streamed_bytes
from scoringhost.inference.messages import InferenceResponse, Tensor
from scoringhost.inference.numpy_typed import FIELDS
from scoringhost.schema.tensor_metadata import DATATYPES


def response(array: Any, datatype: str, **more: Any) -> InferenceResponse:
    return InferenceResponse("m", [Tensor("o", datatype, array.shape, array)], "1", "x", **more)


def read(data: bytes, kind: str = "ModelInferResponse") -> Any:
    return messages()[f"{INFERENCE}.{kind}"].FromString(data)


@pytest.mark.parametrize("datatype", FIELDS)
def test_every_datatype_goes_out_typed(datatype: str) -> None:
    array = np.array([["a"], ["b"]], object) if datatype == "BYTES" else np.ones((2, 1), DATATYPES[datatype].numpy)

    (output,) = read(response_bytes(response(array, datatype), typed=True)).outputs

    expected = [b"a", b"b"] if datatype == "BYTES" else [1, 1]
    assert (list(output.shape), list(getattr(output.contents, FIELDS[datatype]))) == ([2, 1], expected)


def test_what_has_no_typed_contents_goes_out_raw() -> None:
    array = np.ones(2, np.float16)

    assert read(response_bytes(response(array, "FP16"), typed=True)).raw_output_contents[0] == array.tobytes()


def test_an_array_in_any_order_goes_out_row_by_row() -> None:
    array = np.arange(6, dtype=">f4").reshape(2, 3).T

    (data,) = read(response_bytes(response(array, "FP32"), typed=False)).raw_output_contents

    assert np.array_equal(np.frombuffer(data, "<f4").reshape(3, 2), array)


def test_texts_go_out_with_their_lengths() -> None:
    array = np.array(["é", b"\xff"], object)

    (data,) = read(response_bytes(response(array, "BYTES"), typed=False)).raw_output_contents

    assert data == b"\x02\0\0\0\xc3\xa9\x01\0\0\0\xff"


def test_parameters_of_every_kind_go_out() -> None:
    values = {"b": True, "i": -1, "s": "x", "d": 0.5, "u": 2**64 - 1, "big": 2**70, "l": [1], "n": None}

    found = read_parameters(
        read(response_bytes(response(np.ones(1), "FP64", parameters=values), typed=False)).parameters
    )

    assert found == {**values, "big": float(2**70), "l": "[1]", "n": "null"}


def test_a_response_on_a_stream_and_an_error_on_one() -> None:
    streamed = read(streamed_bytes(response(np.ones(100), "FP64"), typed=False), "ModelStreamInferResponse")
    failed = read(error_bytes("why", "x"), "ModelStreamInferResponse")

    assert len(streamed.infer_response.raw_output_contents[0]) == 800
    assert (failed.error_message, failed.infer_response.id) == ("why", "x")
