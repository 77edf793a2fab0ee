"""From an InferenceResponse to the bytes of a ModelInferResponse, and of one on a stream."""

from __future__ import annotations

from typing import Any

from scoringhost.dialects.oip_grpc.parameters import write_parameters
from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.wire import Buffer, field_head, fields
from scoringhost.inference.messages import InferenceResponse

RAW_OUTPUTS = 6
"""The number of raw_output_contents."""

STREAMED = 2
"""The number of the response in a ModelStreamInferResponse."""

FINAL = "triton_final_response"
"""A parameter of the responses on a stream, for who asks for it: whether it is the last one for its request."""


def response_bytes(response: InferenceResponse, *, typed: bool) -> bytes:
    """A ModelInferResponse. typed: elements in contents, if all outputs have a datatype that can be there."""
    return b"".join(_pieces(response, typed=typed))


def streamed_bytes(response: InferenceResponse, *, typed: bool) -> bytes:
    """The same as a ModelStreamInferResponse."""
    pieces = _pieces(response, typed=typed)
    return b"".join([field_head(STREAMED, sum(map(len, pieces))), *pieces])


def _pieces(response: InferenceResponse, *, typed: bool) -> list[Buffer]:
    from scoringhost.inference.numpy_elements import to_bytes
    from scoringhost.inference.numpy_typed import FIELDS, write_typed

    message = _head(response)
    outputs = response.outputs
    if typed and all(tensor.datatype in FIELDS for tensor in outputs):
        for tensor, output in zip(outputs, message.outputs, strict=True):
            write_typed(tensor.array, tensor.datatype, output.contents)
        return [message.SerializeToString()]
    raw = [to_bytes(tensor.array, tensor.datatype) for tensor in outputs]
    return [message.SerializeToString(), *fields(RAW_OUTPUTS, raw)]


def _head(response: InferenceResponse) -> Any:
    """The message without the elements of its tensors."""
    message = messages()[f"{INFERENCE}.ModelInferResponse"](
        model_name=response.model_name, model_version=response.model_version or "", id=response.id or ""
    )
    if response.parameters:
        write_parameters(response.parameters, message.parameters)
    for tensor in response.outputs:
        output = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if tensor.parameters:
            write_parameters(tensor.parameters, output.parameters)
    return message


def final_bytes(model_name: str, model_version: str, id: str) -> bytes:
    """The ModelStreamInferResponse that says nothing but that it is the last one for its request."""
    return streamed_bytes(InferenceResponse(model_name, [], model_version, id, {FINAL: True}), typed=False)


def error_bytes(why: str, id: str) -> bytes:
    """The ModelStreamInferResponse for a request that failed; with its id, so that the caller knows which."""
    message = messages()[f"{INFERENCE}.ModelStreamInferResponse"](error_message=why)
    message.infer_response.id = id
    result: bytes = message.SerializeToString()
    return result
