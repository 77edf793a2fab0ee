"""The codec of a declared output that is an array, from its JSON schema and its sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.numpy_codec import NumpyCodec

Json = Mapping[str, Any]

_DTYPES = {"float": "float32", "double": "float64", "date-time": "M8[ns]", "timedelta": "m8[ns]", "binary": "S"}
_DTYPES_OF_TYPES = {"boolean": "bool", "string": "U", "integer": "int64", "number": "float64"}


def codec_of(schema: Json, example: JsonValue) -> NumpyCodec | None:
    """The codec of the array whose schema it is; None for records, which hold more than their schema says."""
    items, rank = schema, 0
    while items.get("type") == "array":
        items, rank = items.get("items") or {}, rank + 1
    dtype = _dtype(items)
    if dtype is None:
        return None
    # The shape can be had from the sample only; without one any is taken.
    shape = np.shape(np.array(example, dtype=object)) if isinstance(example, list) else ()
    is_known = len(shape) >= rank
    sample = np.zeros(shape[:rank] if is_known else (1,) * rank, dtype=dtype)
    return NumpyCodec(sample, enforce_shape=is_known)


def _dtype(items: Json) -> Any:
    """The dtype of an array's items; None for records, which hold more than their schema says."""
    form, kind = items.get("format"), items.get("type")
    if kind == "object":
        return None if items.get("properties") else "O"
    return _DTYPES.get(str(form), form) if form else _DTYPES_OF_TYPES.get(str(kind), "O")
