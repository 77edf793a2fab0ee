"""From a ModelInferRequest to an InferenceRequest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scoringhost.dialects.oip_grpc.parameters import read_parameters
from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.wire import MALFORMED, split
from scoringhost.errors import UndecodableBody
from scoringhost.inference.messages import InferenceRequest, RequestedOutput, Tensor
from scoringhost.inference.raw_elements import Buffer

LARGE = 65_536
"""Bytes from which raw contents are left where they are; below, parsing the whole message is quicker."""

RAW_INPUTS = 7
"""The number of raw_input_contents."""


@dataclass(frozen=True, slots=True)
class Received:
    """A ModelInferRequest of which the tensors have not been looked at yet. raw: the entries of raw_input_contents."""

    message: Any
    raw: list[Buffer]

    @property
    def wants_typed(self) -> bool:
        """Whether the tensors of the answer are to be typed, since those of the request are."""
        return not self.raw and any(tensor.HasField("contents") for tensor in self.message.inputs)


def parsed(kind: Any, body: bytes) -> Any:
    """A message of a class.

    Raises:
        UndecodableBody: if the bytes are none.
    """
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(body)
    except DecodeError:
        raise UndecodableBody(f"{MALFORMED} as {kind.DESCRIPTOR.name}") from None


def receive(body: bytes) -> Received:
    """What has been sent for ModelInfer.

    Raises:
        UndecodableBody: if it cannot be decoded.
    """
    kind = messages()[f"{INFERENCE}.ModelInferRequest"]
    if len(body) < LARGE:
        message = parsed(kind, body)
        return Received(message, list(message.raw_input_contents))
    head, raw = split(body, RAW_INPUTS)
    return Received(parsed(kind, head), list(raw))


def request_of(received: Received) -> InferenceRequest:
    """The request with its tensors. Arrays from raw contents are read-only.

    Raises:
        UndecodableBody: if there are more or fewer raw contents than inputs, or typed ones beside them.
        InvalidTensor: if the elements of a tensor are not what its datatype and shape say.
    """
    message, raw = received.message, received.raw
    return InferenceRequest(
        _raw_tensors(message, raw) if raw else _typed_tensors(message),
        [RequestedOutput(output.name, read_parameters(output.parameters)) for output in message.outputs],
        message.id or None,
        read_parameters(message.parameters) if message.parameters else {},
    )


def _raw_tensors(message: Any, raw: list[Buffer]) -> list[Tensor]:
    from scoringhost.inference.raw_elements import array_of

    if len(raw) != len(message.inputs):
        expected = f"raw_input_contents must have an entry for each of the {len(message.inputs)} inputs"
        raise UndecodableBody(f"{expected}; it has {len(raw)}")
    tensors = []
    for tensor, data in zip(message.inputs, raw, strict=True):
        if tensor.HasField("contents") and tensor.contents.ListFields():
            both = "its elements are in raw_input_contents, and in contents, too"
            raise UndecodableBody(f"input {tensor.name!r}: {both}; use one of them")
        shape = tuple(tensor.shape)
        array = array_of(tensor.name, tensor.datatype, shape, data)
        tensors.append(Tensor(tensor.name, tensor.datatype, shape, array, _parameters_of(tensor)))
    return tensors


def _typed_tensors(message: Any) -> list[Tensor]:
    from scoringhost.dialects.oip_grpc.typed_contents import read_typed

    return [
        Tensor(tensor.name, tensor.datatype, tuple(tensor.shape), read_typed(tensor), _parameters_of(tensor))
        for tensor in message.inputs
    ]


def _parameters_of(tensor: Any) -> dict[str, Any]:
    return read_parameters(tensor.parameters) if tensor.parameters else {}
