"""The JSON schemas of `/score` for a model of MLflow, from its signature, and a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from scoringhost.runtimes.mlflow_inputs import INPUT, kind_of
from scoringhost.runtimes.mlflow_scoring import FORMATS, MlflowScoring
from scoringhost.schema.openapi import RunSchemas
from scoringhost.script.request_file import request_beside


@dataclass(frozen=True)
class MlflowSchemas(RunSchemas):
    """What the signature says, which is just what is meant."""

    is_exact: ClassVar[bool] = True


_JSON_TYPES: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "datetime": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
}
_EXAMPLES: dict[str, Any] = {
    "boolean": True, "integer": 0, "long": 0, "float": 0.0, "double": 0.0, "string": "text",
    "datetime": "2000-01-01T00:00:00", "binary": "AA==",
}  # fmt: skip


def schemas_of(scoring: MlflowScoring) -> MlflowSchemas:
    """The JSON schemas of `/score` for a model."""
    schema = scoring.input_schema
    properties: dict[str, Any] = {}
    example: Any = None
    if schema is None or scoring.is_hinted:
        properties[INPUT] = {"description": "The data, in any of the forms that MLflow takes."}
    elif schema.is_tensor_spec():
        specs = {spec.name or "": _tensor_schema(spec) for spec in schema.inputs}
        properties[INPUT] = specs.get("", {"type": "object", "properties": specs})
        zeros = {spec.name or "": np.zeros([max(axis, 1) for axis in spec.shape]).tolist() for spec in schema.inputs}
        if all(spec.type.kind in "fiu" for spec in schema.inputs):
            example = zeros.get("", zeros)
    else:
        properties[INPUT], example = _table(schema)
    properties["dataframe_split"] = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {}},
            "index": {"type": "array", "items": {}},
            "data": {"type": "array", "items": {"type": "array", "items": {}}},
        },
        "required": ["data"],
    }
    properties["dataframe_records"] = {"type": "array", "items": {"type": "object"}}
    properties["instances"] = properties["inputs"] = {}
    if scoring.params_schema is not None:
        properties["params"] = _params_schema(scoring.params_schema)
    body = {"type": "object", "properties": properties, "description": f"{INPUT}, or one of {', '.join(FORMATS)}."}
    sample = request_beside(scoring.folder)
    if isinstance(sample, dict):
        body["example"] = sample
    elif example is not None:
        body["example"] = {INPUT: example}
    return MlflowSchemas(body, {"description": "What the model predicts."})


def _table(schema: Any) -> tuple[dict[str, Any], Any]:
    """The schema of a table of the signature's columns, as records, and one row of it."""
    kinds = [kind_of(kind) for kind in schema.input_types()]
    row = [_EXAMPLES.get(kind) for kind in kinds]
    if not schema.has_input_names():
        return {"type": "array", "items": {"type": "array", "items": {}}}, [row]
    names = schema.input_names()
    columns = {name: dict(_JSON_TYPES.get(kind, {})) for name, kind in zip(names, kinds, strict=True)}
    item: dict[str, Any] = {"type": "object", "properties": columns}
    if schema.required_input_names():
        item["required"] = list(schema.required_input_names())
    is_flat = all(kinds)
    return {"type": "array", "items": item}, [dict(zip(names, row, strict=True))] if is_flat else None


def _tensor_schema(spec: Any) -> dict[str, Any]:
    kind = "integer" if spec.type.kind in "iu" else "number" if spec.type.kind == "f" else ""
    schema: dict[str, Any] = {"type": kind} if kind else {}
    for axis in reversed(spec.shape):
        schema = {"type": "array", "items": schema}
        if axis >= 0:
            schema |= {"minItems": axis, "maxItems": axis}
    return schema


def _params_schema(params: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in params.params:
        schema = dict(_JSON_TYPES.get(kind_of(one.dtype), {}))
        if getattr(one, "shape", None):
            schema = {"type": "array", "items": schema}
        if type(one.default) in (bool, int, float, str, list):
            schema["default"] = one.default
        found[one.name] = schema
    return {"type": "object", "properties": found}
