"""DeclaredOutput: what an entry script says that run() returns.

inference-schema keeps no output type, only its JSON schema and its sample; from those the type is made again.
They tell everything but float16 from float32, and the units of times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scoringhost.schema import json_text
from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit
from scoringhost.schema.fitted_schemas import fitted
from scoringhost.schema.fitting import misfits
from scoringhost.schema.tensor_metadata import Array, TensorMetadata

Json = Mapping[str, Any]

UNDECLARED: tuple[Json, ...] = ({"type": "object"}, {"type": "object", "example": {}})
"""The schemas of an output that no decorator describes."""
FIRST_OUTPUT = "output-0"
"""The name of a result that is one tensor."""


@dataclass(frozen=True)
class DeclaredOutput:
    """The output's JSON schema, and the declared type that is made of it when first asked for."""

    schema: Json = field(default_factory=lambda: UNDECLARED[1])

    @property
    def streams(self) -> bool:
        """Whether what is declared is each item of a stream."""
        return False

    @property
    def is_declared(self) -> bool:
        """Whether a decorator describes it."""
        return self.schema not in UNDECLARED

    @property
    def of_none(self) -> JsonValue:
        """What is sent for None, as azmlinfsrv does."""
        return {}

    def json_schema(self) -> Json:
        """The schema, the sample included as its example."""
        return self.schema

    def misfits(self, result: JsonValue) -> Iterator[Misfit]:
        """What of a result, given as JSON, is not as declared; nothing if nothing is declared."""
        if self.is_declared:
            yield from misfits(fitted(dict(self.schema)), result)

    def to_json(self, output: object) -> JsonValue:
        """The output as JSON has it.

        Raises:
            Misfit: if it is not as declared.
            ResultNotEncodable: if JSON cannot hold it.
        """
        result = json_text.loads(json_text.dumps(output))
        for misfit in self.misfits(result):
            raise misfit
        return result

    @cached_property
    def type(self) -> DeclaredType:
        """The type of the output; numpy and pandas are imported only for theirs."""
        from scoringhost.schema.from_json_schema import type_of

        return type_of(self.schema)

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """The tensors of a result by their whole names; none if nothing is declared."""
        if not self.is_declared:
            return ()
        return tuple(one if one.suffix else one.under(FIRST_OUTPUT) for one in self.type.tensors())

    def to_tensors(self, output: object) -> dict[str, Array]:
        """The tensors of a result by their whole names.

        Raises:
            Misfit: if it is not as declared.
        """
        return {name or FIRST_OUTPUT: array for name, array in self.type.to_tensors(output).items()}
