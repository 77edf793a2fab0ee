"""Inference requests as the body of an HTTP request has them: JSON, and behind it the tensors that are binary.

https://github.com/kserve/open-inference-protocol and Triton's "binary tensor data extension". Imported when the first
request comes, not before: it needs numpy.
"""

from __future__ import annotations

from typing import Any

from scoringhost.errors import InvalidHeader, InvalidTensor, UndecodableBody
from scoringhost.inference import numpy_elements
from scoringhost.inference.messages import InferenceRequest, RequestedOutput, Tensor
from scoringhost.inference.numpy_large import read_data
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.large_arrays import LEAST_BODY
from scoringhost.schema.tensor_metadata import DATATYPES

HEADER_LENGTH = "inference-header-content-length"
BINARY_SIZE = "binary_data_size"

_NOTHING: dict[str, JsonValue] = {}


def read_request(body: bytes, header_length: str | None = None) -> InferenceRequest:
    """The request in a body. header_length: the header that says how much of it is JSON, if it came.

    Raises:
        InvalidHeader: if that is no length that the body has.
        UndecodableBody: if it is no JSON, or no inference request.
        InvalidTensor: if the data of a tensor are not of its datatype, or not as many as its shape says.
    """
    binary: _Binary | None = None
    if header_length is not None:
        length = _length(header_length, len(body))
        binary, body = _Binary(memoryview(body)[length:]), body[:length]
    message = read_data(body) if len(body) >= LEAST_BODY else None
    if message is None:
        message = json_text.loads(body)
    if type(message) is not dict:
        raise UndecodableBody(f"An inference request is a JSON object, not {phrase(message)}")
    inputs = message.get("inputs")
    if type(inputs) is not list:
        raise UndecodableBody(f"'inputs' should be a list of tensors, not {_said(message, 'inputs')}")
    tensors = [_tensor(one, at, binary) for at, one in enumerate(inputs)]
    if binary is not None and binary.left:
        raise UndecodableBody(f"{binary.left} bytes follow the data of the last tensor; each has its {BINARY_SIZE}")
    outputs = message.get("outputs")
    requested = [] if outputs is None else _outputs(outputs)
    id = message.get("id")
    if id is not None and type(id) is not str:
        raise UndecodableBody(f"'id' should be a text, not {phrase(id)}")
    return InferenceRequest(tensors, requested, id, _parameters(message, "the request"))


def _length(text: str, size: int) -> int:
    length = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= length <= size:
        raise InvalidHeader("Inference-Header-Content-Length", f"a length of at most {size}, the body's", text[:100])
    return length


def _said(message: dict[str, JsonValue], key: str) -> str:
    return phrase(message[key]) if key in message else "nothing"


def _parameters(part: dict[str, JsonValue], of: str) -> dict[str, JsonValue]:
    parameters = part.get("parameters")
    if parameters is None:
        return _NOTHING
    if type(parameters) is not dict:
        raise UndecodableBody(f"'parameters' of {of} should be an object, not {phrase(parameters)}")
    return parameters


def _outputs(outputs: JsonValue) -> list[RequestedOutput]:
    if type(outputs) is not list:
        raise UndecodableBody(f"'outputs' should be a list, not {phrase(outputs)}")
    requested = []
    for at, one in enumerate(outputs):
        name = one.get("name") if type(one) is dict else None
        if type(name) is not str:
            raise UndecodableBody(f"'outputs[{at}]' should be an object with a name, not {phrase(one)}")
        requested.append(RequestedOutput(name, _parameters(one, f"output {name!r}")))
    return requested


def _tensor(one: Any, at: int, binary: _Binary | None) -> Tensor:
    name = one.get("name") if type(one) is dict else None
    if type(name) is not str:
        raise UndecodableBody(f"'inputs[{at}]' should be a tensor with a name, not {phrase(one)}")
    datatype = one.get("datatype")
    if type(datatype) is not str or datatype not in DATATYPES:
        expected = f"one of the datatypes {', '.join(DATATYPES)}"
        raise InvalidTensor(name, expected, _said(one, "datatype"))
    parameters = _parameters(one, f"input {name!r}")
    try:
        shape = numpy_elements.checked_shape(one.get("shape"))
        if parameters and BINARY_SIZE in parameters:
            array = numpy_elements.from_bytes(_binary_data(one, parameters, binary), datatype, shape)
        elif "data" in one:
            array = numpy_elements.from_json(one["data"], datatype, shape)
        else:
            raise Misfit("data", "none")
    except Misfit as misfit:
        raise InvalidTensor(name + misfit.path, misfit.expected, misfit.got) from None
    return Tensor(name, datatype, shape, array, parameters)


def _binary_data(one: dict[str, JsonValue], parameters: dict[str, JsonValue], binary: _Binary | None) -> memoryview:
    size = parameters[BINARY_SIZE]
    if binary is None:
        raise Misfit("the header Inference-Header-Content-Length beside binary_data_size", "none")
    if "data" in one:
        raise Misfit(f"either data or {BINARY_SIZE}", "both")
    return binary.take(size)


class _Binary:
    """What follows the JSON in a body: the data of one tensor after the other."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """How many bytes nobody has taken."""
        return len(self._data) - self._at

    def take(self, size: JsonValue) -> memoryview:
        """The next bytes.

        Raises:
            Misfit: if there are not so many.
        """
        if type(size) is not int or not 0 <= size <= self.left:
            raise Misfit(f"a {BINARY_SIZE} of at most {self.left}, the bytes that are there", phrase(size))
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]
