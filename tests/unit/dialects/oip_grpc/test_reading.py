from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.reading import LARGE, receive, request_of
from scoringhost.errors import CallError, InvalidTensor
from scoringhost.inference.numpy_typed import FIELDS
from scoringhost.schema.tensor_metadata import DATATYPES


def sent(**values: Any) -> Any:
    return messages()[f"{INFERENCE}.ModelInferRequest"](model_name="m", **values)


def read(message: Any) -> Any:
    return request_of(receive(message.SerializeToString()))


VALUES: dict[str, list[Any]] = {"BOOL": [True, False], "BYTES": [b"a", b"b"]}


@pytest.mark.parametrize("datatype", FIELDS)
def test_typed_contents_of_every_datatype(datatype: str) -> None:
    values = VALUES.get(datatype, [0, 1])
    message = sent(id="x")
    tensor = message.inputs.add(name="a", datatype=datatype, shape=[2, 1])
    getattr(tensor.contents, FIELDS[datatype]).extend(values)

    (found,) = read(message).inputs

    assert found.array.dtype == DATATYPES[datatype].numpy
    assert found.array.tolist() == [[value.decode() if isinstance(value, bytes) else value] for value in values]
    assert receive(message.SerializeToString()).wants_typed


@pytest.mark.parametrize("count", [2, LARGE])
@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
def test_raw_contents_of_every_datatype_small_and_large(datatype: str, count: int) -> None:
    array = np.ones(count, DATATYPES[datatype].numpy)
    message = sent(raw_input_contents=[array.tobytes()])
    message.inputs.add(name="a", datatype=datatype, shape=[count])

    (found,) = read(message).inputs

    assert found.array.dtype == array.dtype
    assert np.array_equal(found.array, array)


def test_raw_bytes_have_their_lengths_before_them() -> None:
    message = sent(raw_input_contents=[b"\x02\0\0\0ab\x00\0\0\0"])
    message.inputs.add(name="a", datatype="BYTES", shape=[2])

    (found,) = read(message).inputs

    assert found.array.tolist() == [b"ab", b""] or found.array.tolist() == ["ab", ""]


def test_bytes_in_typed_contents_that_are_no_text_stay_bytes() -> None:
    message = sent()
    message.inputs.add(name="a", datatype="BYTES", shape=[2]).contents.bytes_contents.extend([b"\xff", b"a"])

    assert read(message).inputs[0].array.tolist() == [b"\xff", b"a"]


def test_parameters_of_every_kind() -> None:
    message = sent()
    message.parameters["b"].bool_param = True
    message.parameters["i"].int64_param = -1
    message.parameters["s"].string_param = "x"
    message.parameters["d"].double_param = 0.5
    message.parameters["u"].uint64_param = 2**64 - 1
    message.outputs.add(name="o").parameters["k"].int64_param = 1

    found = read(message)

    assert found.parameters == {"b": True, "i": -1, "s": "x", "d": 0.5, "u": 2**64 - 1}
    assert [(one.name, one.parameters) for one in found.outputs] == [("o", {"k": 1})]
    assert found.id is None


def typed(datatype: str, shape: list[int], **contents: Any) -> Any:
    message = sent()
    tensor = message.inputs.add(name="a", datatype=datatype, shape=shape)
    for field, values in contents.items():
        getattr(tensor.contents, field).extend(values)
    return message


def raw(datatype: str, shape: list[int], *contents: bytes) -> Any:
    message = sent(raw_input_contents=contents)
    message.inputs.add(name="a", datatype=datatype, shape=shape)
    return message


@pytest.mark.parametrize(
    "message",
    [
        typed("FP32", [2], fp32_contents=[1]),
        typed("FP32", [2], fp32_contents=[1, 2, 3]),
        typed("FP32", [1], fp64_contents=[1]),
        typed("FP32", [1], fp32_contents=[1], int_contents=[1]),
        typed("INT8", [1], int_contents=[300]),
        typed("UINT16", [1], uint_contents=[65_536]),
        typed("FP16", [1], fp32_contents=[1]),
        typed("FP8", [1], fp32_contents=[1]),
        typed("FP32", [-1], fp32_contents=[1]),
        typed("BYTES", [3], bytes_contents=[b"a", b"b"]),
        raw("FP32", [1], b"123"),
        raw("FP32", [1], b"12345"),
        raw("FP32", [1], b"1234", b"1234"),
        raw("BOOL", [1], b"\x02"),
        raw("BYTES", [1], b"\x05\0\0\0ab"),
        raw("BYTES", [1], b"\x01\0"),
        raw("FP8", [1], b"1"),
    ],
)
def test_elements_that_do_not_fit_are_the_callers_fault(message: Any) -> None:
    with pytest.raises(CallError):
        read(message)


def test_the_element_at_fault_is_named() -> None:
    with pytest.raises(InvalidTensor) as caught:
        read(typed("INT8", [3], int_contents=[1, 2, 200]))

    assert str(caught.value) == "input 'a[2]': expected INT8 from -128 to 127, got 200"
