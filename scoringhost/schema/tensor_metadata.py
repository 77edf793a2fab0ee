"""The datatypes and shapes of tensors, as the Open Inference Protocol names them.

A declared type says with `tensors()` which tensors stand for its values. An array of numbers has the
dtype of its datatype; one of BYTES holds objects: `str`, or `bytes` where that is what came or what is to go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

Array = Any
"""A numpy array; numpy is imported by whoever made it."""
Tensors = Mapping[str, Array]
"""Arrays by the suffix of their tensors."""

VARIABLE = -1
"""An axis of any length, in a shape."""
JSON, DATETIME, TEXT, BASE64, NUMPY, PANDAS = "json", "datetime", "str", "base64", "np", "pd"
"""Content types: how the elements of BYTES, and of arrays, are to be read."""


@dataclass(frozen=True, slots=True)
class Datatype:
    """One datatype: its name, numpy's name for it, and bytes for an element (None: they differ)."""

    name: str
    numpy: str
    size: int | None


DATATYPES = {
    row.name: row
    for row in (
        Datatype("BOOL", "bool", 1),
        *(Datatype(f"UINT{8 * size}", f"uint{8 * size}", size) for size in (1, 2, 4, 8)),
        *(Datatype(f"INT{8 * size}", f"int{8 * size}", size) for size in (1, 2, 4, 8)),
        *(Datatype(f"FP{8 * size}", f"float{8 * size}", size) for size in (2, 4, 8)),
        Datatype("BYTES", "object", None),
    )
}
_BY_NUMPY = {row.numpy: row.name for row in DATATYPES.values()} | {"boolean": "BOOL"}


@lru_cache(256)  # the name of a dtype is made anew each time it is asked for, which takes 2 us
def datatype_of(dtype: Any) -> str:
    """The datatype for a dtype, numpy's or a masked one of pandas; BYTES for all that are no numbers of 64 bits."""
    return _BY_NUMPY.get(str(getattr(dtype, "name", dtype)).lower(), "BYTES")


@dataclass(frozen=True, slots=True)
class TensorMetadata:
    """One tensor of a declared type.

    suffix: what tells it from the type's other tensors, a column or a key; empty for the only one.
    shape: -1 for an axis of any length. content_type: how its elements are to be read; None: as they are.
    """

    suffix: str
    datatype: str
    shape: tuple[int, ...]
    content_type: str | None = None

    def under(self, step: str) -> TensorMetadata:
        """The same tensor seen from one level further out."""
        return replace(self, suffix=f"{step}.{self.suffix}" if self.suffix else step)


JSON_TENSOR = TensorMetadata("", "BYTES", (1,), JSON)
"""One element that holds the JSON text of any value."""
