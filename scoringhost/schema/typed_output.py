"""TypedOutput: the result of a run() with `@typed`, as its annotation says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit
from scoringhost.schema.output import DeclaredOutput
from scoringhost.schema.tensors import AsGiven
from scoringhost.schema.typed_codec import TypedType


@dataclass(frozen=True)
class TypedOutput(DeclaredOutput):
    """The annotation's type, None if there is none, and whether run() gives a stream of such."""

    of: TypedType | None = None
    streams: bool = False

    @property
    def is_declared(self) -> bool:
        """Whether run() has an annotation for its result."""
        return self.of is not None

    @property
    def of_none(self) -> JsonValue:
        """What is sent for None: null, which the annotation allows, or `{}` as for every other script."""
        return None if self.of is not None else {}

    @property
    def type(self) -> DeclaredType:
        """The annotation's type."""
        return self.of or AsGiven()

    def checked(self, result: object) -> Any:
        """A result of run(), or an item of its stream, as it is to be encoded.

        Raises:
            Misfit: if it is not what the annotation says.
        """
        return result if self.of is None else self.of.result(result)

    def misfits(self, result: JsonValue) -> Iterator[Misfit]:
        """What of a result, given as JSON, does not fit; its first part only."""
        if self.of is None or self.streams:
            return
        try:
            self.of.to_python(result)
        except Misfit as misfit:
            yield misfit
