"""Declared types from the JSON schemas that inference-schema writes, each with its sample as `example`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from scoringhost.schema.declared import DeclaredType, JsonValue
from scoringhost.schema.nested_codec import AnyList, ListOf, ObjectOf
from scoringhost.schema.plain_codec import plain_type
from scoringhost.schema.tensors import AsGiven

Json = Mapping[str, Any]

NUMPY, PANDAS = "numpy.ndarray", "pandas.DataFrame:"
_SCALARS: dict[tuple[str, str | None], type] = {
    ("integer", "int64"): int,
    ("number", "double"): float,
    ("boolean", None): bool,
    ("string", None): str,
    ("string", "byte"): bytes,
    ("string", "date"): datetime.date,
    ("string", "date-time"): datetime.datetime,
    ("string", "time"): datetime.time,
}


def type_of(schema: Json, example: JsonValue = None) -> DeclaredType:
    """The declared type whose schema it is; `AsGiven` where the schema says nothing.

    example: the sample, if it stands outside of the schema, as those of nested types do.
    """
    example = schema.get("example", example)
    form, kind = schema.get("format"), schema.get("type")
    if form == NUMPY:
        from scoringhost.schema import numpy_output  # numpy only if the output is an array

        return numpy_output.codec_of(schema, example) or AsGiven()
    if isinstance(form, str) and form.startswith(PANDAS):
        from scoringhost.schema import pandas_output  # pandas only if the output is a frame

        return pandas_output.codec_of(schema, form.removeprefix(PANDAS), example) or AsGiven()
    if kind == "array":
        return _list(schema, example)
    properties = schema.get("properties")
    if kind == "object" and properties:
        examples = example if isinstance(example, dict) else {}
        return ObjectOf({name: type_of(member, examples.get(name)) for name, member in properties.items()})
    scalar = _SCALARS.get((str(kind), form))
    return AsGiven() if scalar is None else plain_type(scalar)


def _list(schema: Json, example: JsonValue) -> DeclaredType:
    items = schema.get("items") or {}
    samples = example if isinstance(example, list) else []
    if items.get("format") == NUMPY or str(items.get("format")).startswith(PANDAS):
        return ListOf(type_of(items, samples[0] if samples else None))
    if items.get("format") in ("byte", "date", "date-time", "time"):
        return ListOf(type_of(items))
    return AnyList(samples)
