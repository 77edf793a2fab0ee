"""Python values as requests of the Open Inference Protocol, and its responses as Python values; for clients.

    import httpx
    from scoringhost import codecs

    body, headers = codecs.to_body(codecs.request_of(frame), binary=True)
    reply = httpx.post("http://localhost:5001/v2/models/diabetes/infer", content=body, headers=headers)
    print(codecs.to_frame(codecs.response_of(reply.content, reply.headers)))

These are the codecs that the server reads and writes tensors with, by their content types: `np` (arrays), `pd`
(frames), `str`, `base64` (bytes), `datetime`, `json`. A codec of your own is registered on both sides with
`register_input_codec` or `register_request_codec`; a score.py does that where it is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from scoringhost.inference.codecs import (
    CONTENT_TYPE,
    find_request_codec,
    register_input_codec,
    register_request_codec,
    value_of,
    value_of_all,
)
from scoringhost.inference.input_codecs import InputCodec, NumpyCodec
from scoringhost.inference.messages import InferenceRequest, InferenceResponse, RequestedOutput, Tensor
from scoringhost.inference.plain_values import tensor_by_value
from scoringhost.inference.request_codecs import RequestCodec
from scoringhost.schema.declared import Misfit
from scoringhost.schema.tensor_metadata import PANDAS, Array

__all__ = [
    "InferenceRequest",
    "InferenceResponse",
    "InputCodec",
    "Misfit",
    "RequestCodec",
    "Tensor",
    "register_input_codec",
    "register_request_codec",
    "request_of",
    "response_of",
    "to_arrays",
    "to_body",
    "to_dict",
    "to_frame",
    "to_values",
]

ONLY_INPUT = "input-0"
"""The name of the input that a single value becomes."""


def request_of(value: Any, *, id: str | None = None, outputs: Iterable[str] = ()) -> InferenceRequest:
    """A request that holds a value.

    value: a frame becomes an input for each column; a mapping one for each value, of any kind that there is a codec
    for, an array, a list, a text, bytes, a date, a number or what JSON holds; anything else is the only input,
    `input-0`. outputs: the names of those that are asked for; all, if there are none.

    Raises:
        Misfit: if the value holds what tensors cannot; `path` says where.
    """
    requested = [RequestedOutput(name) for name in outputs]
    whole = None if isinstance(value, Mapping) else find_request_codec(value)
    if whole is not None:
        return InferenceRequest(whole.encode(value), requested, id, {CONTENT_TYPE: whole.content_type})
    named = value if isinstance(value, Mapping) else {ONLY_INPUT: value}
    return InferenceRequest([_input(str(name), one) for name, one in named.items()], requested, id)


def _input(name: str, value: Any) -> Tensor:
    try:
        return _encoded(name, value)
    except Misfit as misfit:
        raise misfit.under(name) from None


def _encoded(name: str, value: Any) -> Tensor:
    return tensor_by_value(name, value.to_numpy() if _is_series(value) else value)


def _is_series(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.Series, pandas.Index))


def to_dict(request: InferenceRequest) -> dict[str, Any]:
    """The request as the JSON object that is sent, of plain Python values."""
    from scoringhost.inference.numpy_client import request_message
    from scoringhost.inference.numpy_values import plain

    message = request_message(request)
    for one in message["inputs"]:
        one["shape"], one["data"] = list(one["shape"]), plain(one["data"])
    return message


def to_body(request: InferenceRequest, *, binary: bool = False) -> tuple[bytes, dict[str, str]]:
    """The body of the HTTP request, and the headers that it needs.

    binary: the data of tensors as bytes behind the JSON, both ways: for large arrays, and several times as fast.
    """
    from scoringhost.inference.numpy_client import write_request

    return write_request(request, binary=binary)


def response_of(body: bytes | Mapping[str, Any], headers: Mapping[str, str] | None = None) -> InferenceResponse:
    """The response in a body, JSON or binary; or in the object that its JSON was read to.

    headers: those of the HTTP response; needed for a binary one.

    Raises:
        UndecodableBody: if it is no response; the server's own words are in it, if it is an error.
    """
    from scoringhost.inference.numpy_client import read_response

    return read_response(body, headers or {})


def to_arrays(response: InferenceResponse) -> dict[str, Array]:
    """The outputs as arrays, by their names; those of BYTES hold text, or else objects."""
    return {tensor.name: NumpyCodec().decode(tensor) for tensor in response.outputs}


def to_frame(response: InferenceResponse) -> Any:
    """The outputs as the columns of a frame, each of its own content type.

    Raises:
        Misfit: if one is no column, or they differ in length.
    """
    return value_of_all(response.outputs, PANDAS)


def to_values(response: InferenceResponse) -> Any:
    """What the outputs are by their content types: the value of the whole response, if it has one, or else a dict of
    the values by name, each an array if it has no content type.

    Raises:
        Misfit: if one does not fit its content type.
    """
    whole = value_of_all(response.outputs, str(response.parameters.get(CONTENT_TYPE, "")))
    if whole is not None:
        return whole
    values = {}
    for tensor in response.outputs:
        value = value_of(tensor)
        values[tensor.name] = NumpyCodec().decode(tensor) if value is tensor else value
    return values
