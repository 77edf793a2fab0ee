"""What the API document says of a model's inputs and outputs: JSON schemas of tensors, tables and methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.schema.declared import JsonValue, Misfit
from scoringhost.schema.openapi_dialects import ExactSchemas
from scoringhost.schema.output import DeclaredOutput
from scoringhost.schema.tensor_metadata import Array, TensorMetadata

Json = dict[str, Any]

ROWS = {"type": "array", "items": {}}
"""A result with one item for each row."""


def item_schema(datatype: str) -> Json:
    """An element of a tensor. A number with a fraction may be null, which is NaN."""
    if datatype.startswith("FP"):
        return {"type": ["number", "null"]}
    if datatype == "BOOL":
        return {"type": "boolean"}
    return {"type": "string"} if datatype == "BYTES" else {"type": "integer"}


def tensor_schema(datatype: str, shape: Sequence[int]) -> Json:
    """Nested lists of that shape; -1 is an axis of any length."""
    schema = item_schema(datatype)
    for length in reversed(shape):
        schema = {"type": "array", "items": schema}
        if length >= 0:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def sample_of(schema: Mapping[str, Any]) -> JsonValue:
    """The smallest value of a tensor's schema: zeros, or `a text`."""
    if schema.get("type") == "array":
        return [sample_of(schema["items"])] * schema.get("minItems", 1)
    for datatype, value in (("FP32", 0.0), ("BOOL", False), ("BYTES", "a text"), ("INT64", 0)):
        if schema == item_schema(datatype):
            return value
    return None


def body_schema(properties: Mapping[str, Json], required: Sequence[str], example: JsonValue) -> Json:
    """The body of a request: an object with those members."""
    body: Json = {"type": "object", "properties": dict(properties)}
    if required:
        body["required"] = list(required)
    return body | {"example": example}


def schemas_of(body: Json, output: Json) -> ExactSchemas:
    """The schemas of a model's requests and results."""
    return ExactSchemas(body, output)


@dataclass(frozen=True)
class NamedOutputs(DeclaredOutput):
    """The results of a model: one tensor for each of its outputs, which a request may choose by their names.

    A result is a dict of arrays by name, as for those who chose, or else the array of the output that is `usual`.
    """

    named: tuple[TensorMetadata, ...] = ()
    usual: str = ""

    @property
    def is_declared(self) -> bool:
        """Always: the model was asked."""
        return True

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One for each output."""
        return self.named

    def misfits(self, result: JsonValue) -> Iterator[Misfit]:
        """None: what a model returns is what it was made to return."""
        yield from ()

    def to_tensors(self, output: object) -> dict[str, Array]:
        """The arrays of a result by the names of the outputs.

        Raises:
            Misfit: if it is no array, but lists of unequal length, say.
        """
        from scoringhost.runtimes.numpy_results import tensor_of  # whoever asks for tensors pays for numpy

        found = output if isinstance(output, dict) else {self.usual: output}
        return {name: tensor_of(value) for name, value in found.items()}
