"""InferenceRequest and InferenceResponse: what the Open Inference Protocol sends, on whatever transport.

https://github.com/kserve/open-inference-protocol. Tensors hold their elements as a numpy array of `shape`:
numbers in the dtype of the datatype (see `schema/tensor_metadata.py`), BYTES as objects, each `str` or `bytes`.
Parameters are JSON values by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.tensor_metadata import Array

Parameters = Mapping[str, JsonValue]


@dataclass(slots=True)
class Tensor:
    """One named tensor of a request or a response.

    The shape is what was said. Clients of MLServer write the length of a text into the shape of its BYTES tensor,
    so the array of such a tensor may have another one.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    array: Array
    parameters: Parameters = field(default_factory=dict)


@dataclass(slots=True)
class RequestedOutput:
    """An output that the caller asks for by its name, and how it wants it."""

    name: str
    parameters: Parameters = field(default_factory=dict)


@dataclass(slots=True)
class InferenceRequest:
    """What is to be inferred. `id` is None if the caller has given none; no `outputs` stands for all of them."""

    inputs: list[Tensor]
    outputs: list[RequestedOutput] = field(default_factory=list)
    id: str | None = None
    parameters: Parameters = field(default_factory=dict)
    wants_stream: bool = False
    """Whether several responses are asked for, as they come to be."""


@dataclass(slots=True)
class InferenceResponse:
    """What was inferred."""

    model_name: str
    outputs: list[Tensor]
    model_version: str | None = None
    id: str | None = None
    parameters: Parameters = field(default_factory=dict)
