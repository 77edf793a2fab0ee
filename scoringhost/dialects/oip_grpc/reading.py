"""From a ModelInferRequest to an InferenceRequest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from scoringhost.dialects.oip_grpc.parameters import read_parameters
from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.wire import MALFORMED, Buffer, split
from scoringhost.errors import InvalidTensor, UndecodableBody
from scoringhost.inference.messages import InferenceRequest, RequestedOutput, Tensor
from scoringhost.schema.declared import Misfit, phrase
from scoringhost.schema.tensor_metadata import DATATYPES

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
    from scoringhost.inference.numpy_elements import from_bytes

    if len(raw) != len(message.inputs):
        expected = f"raw_input_contents must have an entry for each of the {len(message.inputs)} inputs"
        raise UndecodableBody(f"{expected}; it has {len(raw)}")
    tensors = []
    for tensor, data in zip(message.inputs, raw, strict=True):
        if tensor.HasField("contents") and tensor.contents.ListFields():
            both = "its elements are in raw_input_contents, and in contents, too"
            raise UndecodableBody(f"input {tensor.name!r}: {both}; use one of them")
        tensors.append(_tensor(tensor, partial(from_bytes, memoryview(data))))
    return tensors


def _typed_tensors(message: Any) -> list[Tensor]:
    from scoringhost.inference.numpy_typed import read_typed

    return [_tensor(tensor, partial(read_typed, tensor.contents)) for tensor in message.inputs]


def _tensor(said: Any, read: Callable[[str, tuple[int, ...]], Any]) -> Tensor:
    """A tensor of the request. read: its array, from datatype and shape."""
    from scoringhost.inference.numpy_elements import checked_shape

    name, datatype = said.name, said.datatype
    if datatype not in DATATYPES:
        raise InvalidTensor(name, f"one of the datatypes {', '.join(DATATYPES)}", phrase(datatype))
    try:
        shape = checked_shape(list(said.shape))
        array = read(datatype, shape)
    except Misfit as misfit:
        raise InvalidTensor(name + misfit.path, misfit.expected, misfit.got) from None
    return Tensor(name, datatype, shape, array, read_parameters(said.parameters) if said.parameters else {})
