"""What a model takes: rows of numbers, tables with columns, texts, or whatever it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoringhost.runtimes.model_schemas import Json, item_schema, tensor_schema
from scoringhost.schema.declared import DeclaredType, JsonValue
from scoringhost.schema.numpy_codec import NumpyCodec
from scoringhost.schema.tensor_metadata import datatype_of
from scoringhost.schema.tensors import AsGiven


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input: its type, the JSON schema of its values, and a sample as JSON."""

    type: DeclaredType
    schema: Json
    sample: JsonValue


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its numpy dtype, None if nobody knows, and a value that it may have."""

    name: str
    dtype: str | None = "float64"
    sample: JsonValue = 0.0


def rows_of_numbers(width: int, dtype: str = "float64") -> ModelInput:
    """Rows of `width` numbers."""
    datatype = datatype_of(np.dtype(dtype))
    schema = tensor_schema(datatype, (-1, width))
    return ModelInput(NumpyCodec(np.zeros((1, width), dtype)), schema, [[_zero(datatype)] * width])


def texts() -> ModelInput:
    """One text for each row."""
    return ModelInput(NumpyCodec(np.array(["a text"])), tensor_schema("BYTES", (-1,)), ["a text"])


def anything() -> ModelInput:
    """A list of whatever the model makes rows of."""
    return ModelInput(AsGiven(), {"type": "array", "items": {}}, [])


def table(columns: Sequence[Column]) -> ModelInput:
    """A table with those columns: records, rows in their order, or `{"columns": [...], "data": [...]}`."""
    from scoringhost.runtimes.pandas_tables import ModelTable  # pandas only if the model takes tables

    fields = {one.name: item_schema(datatype_of(one.dtype)) if one.dtype else {} for one in columns}
    record = {"type": "object", "properties": fields, "required": list(fields)}
    row = {"type": "array", "items": {}, "minItems": len(columns), "maxItems": len(columns)}
    rows = {"type": "array", "items": {"anyOf": [record, row]}}
    whole = {"type": "object", "properties": {"columns": {"type": "array"}, "data": {"type": "array"}}}
    schema = {"anyOf": [rows, whole | {"required": ["columns", "data"]}]}
    return ModelInput(ModelTable(columns), schema, [{one.name: one.sample for one in columns}])


def _zero(datatype: str) -> Any:
    if datatype.startswith("FP"):
        return 0.0
    return False if datatype == "BOOL" else 0
