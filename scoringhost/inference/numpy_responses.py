"""Inference responses as the body of an HTTP response has them: JSON, with the data of tensors behind it if wanted.

Imported when the first response is made, not before: it needs numpy.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from scoringhost.inference.messages import InferenceRequest, InferenceResponse, Tensor
from scoringhost.inference.numpy_elements import to_bytes
from scoringhost.inference.numpy_requests import BINARY_SIZE
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.large_json import LARGE
from scoringhost.schema.tensor_metadata import BASE64

BINARY, ALL_BINARY = "binary_data", "binary_data_output"
CONTENT_TYPE = "content_type"

Parts = list[bytes | memoryview]


def binary_outputs(request: InferenceRequest) -> Mapping[str, bool] | bool:
    """Which outputs are to be sent as bytes: all or none, or by name."""
    usual = request.parameters.get(ALL_BINARY) is True
    if not request.outputs:
        return usual
    return {one.name: bool(one.parameters.get(BINARY, usual)) for one in request.outputs}


def write_response(response: InferenceResponse, binary: Mapping[str, bool] | bool) -> tuple[bytes, int | None]:
    """The body, and how much of it is JSON; None if all of it is."""
    parts: Parts = []
    outputs: list[JsonValue] = []
    for tensor in response.outputs:
        is_binary = binary if isinstance(binary, bool) else binary.get(tensor.name, False)
        outputs.append(in_binary(tensor, parts) if is_binary else in_json(tensor))
    message: dict[str, Any] = {"model_name": response.model_name}
    if response.model_version is not None:
        message["model_version"] = response.model_version
    if response.id is not None:
        message["id"] = response.id
    if response.parameters:
        message["parameters"] = dict(response.parameters)
    message["outputs"] = outputs
    text = _dumped(message, response.outputs)
    if not parts and binary is not True:
        return text, None
    return b"".join([text, *parts]), len(text)


def _dumped(message: dict[str, Any], tensors: list[Tensor]) -> bytes:
    size = 0
    for tensor in tensors:
        size += tensor.array.size
    if size > LARGE:
        return json_text.dumps(message, in_pieces=True)
    try:
        return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # lone surrogates, or something that is no JSON in the parameters
        return json_text.dumps(message)


def _said(tensor: Tensor, parameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.array.shape}
    if parameters:
        said["parameters"] = parameters
    return said


def in_binary(tensor: Tensor, parts: Parts) -> dict[str, JsonValue]:
    """What JSON says of a tensor whose data follow."""
    data = to_bytes(tensor.array, tensor.datatype)
    parts.append(data)
    return _said(tensor, {**tensor.parameters, BINARY_SIZE: len(data)})


def in_json(tensor: Tensor) -> dict[str, JsonValue]:
    """A tensor with its data, which are flat."""
    array = tensor.array
    parameters = tensor.parameters
    if tensor.datatype == "BYTES":
        data: Any = array.reshape(-1).tolist()
        parameters = textual(data, parameters)
    else:
        if tensor.datatype == "FP16":
            array = array.astype(np.float32)  # which holds the same numbers
        data = array if array.ndim == 1 and array.flags.c_contiguous else np.ascontiguousarray(array).reshape(-1)
    said = _said(tensor, parameters)
    said["data"] = data
    return said


def textual(elements: list[Any], parameters: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Make text of elements of bytes, in place: base64 if that is their content type, or if one is no UTF-8."""
    octets = [at for at, one in enumerate(elements) if isinstance(one, (bytes, bytearray))]
    if not octets:
        return parameters
    if parameters.get(CONTENT_TYPE) != BASE64:
        try:
            texts = [elements[at].decode("utf-8") for at in octets]
        except UnicodeDecodeError:
            parameters = {**parameters, CONTENT_TYPE: BASE64}
        else:
            for at, text in zip(octets, texts, strict=True):
                elements[at] = text
            return parameters
    for at, one in enumerate(elements):
        whole = one if isinstance(one, (bytes, bytearray)) else str(one).encode("utf-8", "surrogatepass")
        elements[at] = base64.b64encode(whole).decode("ascii")
    return parameters
