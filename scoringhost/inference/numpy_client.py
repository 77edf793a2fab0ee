"""The client's side of the protocol over HTTP: requests to be sent, and responses that came, in JSON and binary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoringhost.errors import UndecodableBody
from scoringhost.inference import numpy_elements
from scoringhost.inference.messages import InferenceRequest, InferenceResponse, Tensor
from scoringhost.inference.numpy_requests import BINARY_SIZE, HEADER_LENGTH
from scoringhost.inference.numpy_responses import ALL_BINARY, in_binary, in_json
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import DATATYPES


def request_message(request: InferenceRequest, parts: list[Any] | None = None) -> dict[str, JsonValue]:
    """A request as a JSON object; the data of its tensors are arrays, or are added to `parts` if that is given."""
    message: dict[str, JsonValue] = {}
    if request.id is not None:
        message["id"] = request.id
    if request.parameters:
        message["parameters"] = dict(request.parameters)
    message["inputs"] = [in_json(one) if parts is None else in_binary(one, parts) for one in request.inputs]
    if request.outputs:
        message["outputs"] = [
            {"name": one.name, **({"parameters": dict(one.parameters)} if one.parameters else {})}
            for one in request.outputs
        ]
    return message


def write_request(request: InferenceRequest, *, binary: bool) -> tuple[bytes, dict[str, str]]:
    """The body of a request, and the headers that it needs.

    binary: the data of the tensors follow the JSON as bytes, and those of the response are asked for in the same way,
    unless the request says otherwise.
    """
    parts: list[Any] = []
    message = request_message(request, parts if binary else None)
    if not binary:
        return json_text.dumps(message), {"Content-Type": "application/json"}
    message["parameters"] = {ALL_BINARY: True, **message.get("parameters", {})}
    text = json_text.dumps(message)
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(text))}
    return b"".join([text, *parts]), headers


def read_response(body: bytes | Mapping[str, Any], headers: Mapping[str, str]) -> InferenceResponse:
    """The response in a body, or in the JSON object that it was read to.

    headers: those that came with it, by any spelling; they say how much of it is JSON.

    Raises:
        UndecodableBody: if it is none; an error's text is in it, if the body is one of an error.
    """
    data = memoryview(b"")
    if isinstance(body, Mapping):
        message: Any = dict(body)
    else:
        length = next((value for name, value in headers.items() if name.lower() == HEADER_LENGTH), None)
        if length is not None:
            data, body = memoryview(body)[int(length) :], body[: int(length)]
        message = json_text.loads(body)
    if not isinstance(message, dict) or not isinstance(message.get("outputs"), list):
        said = message.get("error", phrase(message)) if isinstance(message, dict) else phrase(message)
        raise UndecodableBody(f"The body is no inference response: {said}")
    outputs = []
    for one in message["outputs"]:
        tensor, data = _tensor(one, data)
        outputs.append(tensor)
    parameters = message.get("parameters") or {}
    name = str(message.get("model_name", ""))
    return InferenceResponse(name, outputs, message.get("model_version"), message.get("id"), parameters)


def _tensor(one: Any, data: memoryview) -> tuple[Tensor, memoryview]:
    """One output, and the bytes that follow its own."""
    try:
        name, datatype, shape = one["name"], one["datatype"], tuple(one["shape"])
        parameters = dict(one.get("parameters") or {})
        if datatype not in DATATYPES:
            raise Misfit(f"one of {', '.join(DATATYPES)}", phrase(datatype))
        size = parameters.pop(BINARY_SIZE, None)
        if size is None:
            array = numpy_elements.from_json(one["data"], datatype, shape)
        else:
            array = numpy_elements.from_bytes(data[:size], datatype, shape)
            data = data[size:]
    except (KeyError, TypeError, Misfit) as problem:
        raise UndecodableBody(f"The body is no inference response: {problem}") from None
    return Tensor(name, datatype, shape, array, parameters), data
