"""From a scoring document to the body that an entry script, or a model without MLflow, takes. Pure.

Such a service has parameters of its own. Its API document says how they are called, and whether a table is to be
records or rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoringhost.mlflow_plugin.documents import FORMATS, INPUTS, INSTANCES, PARAMS, RECORDS, SPLIT, Document


def body_of(document: Document, described: Any) -> Any:
    """The JSON body. described: the service's API document (OpenAPI 3.1), or anything else if it has none.

    A dict is taken for the parameters by name, if one of them is called as one of its keys; everything else is the
    value of the first parameter. `params` of the document are further parameters.
    """
    format_ = next((key for key in FORMATS if key in document), None)
    if format_ is None:
        return document  # a chat: its keys are the parameters
    schema = _taken(described)
    properties = schema.get("properties")
    value = document[format_]
    if not isinstance(properties, Mapping) or not properties:
        return _value(format_, value, {}, described)
    params = document.get(PARAMS) or {}
    if format_ in (INPUTS, INSTANCES) and isinstance(value, Mapping) and not set(value).isdisjoint(properties):
        return {**value, **params}
    required = schema.get("required") or list(properties)
    first = required[0]
    return {first: _value(format_, value, properties[first], described), **params}


def _value(format_: str, value: Any, schema: Any, described: Any) -> Any:
    """A table in the form that a schema wants: records, if its rows are objects, and else rows."""
    rows = _resolved(_resolved(schema, described).get("items"), described)
    wants_records = rows.get("type") == "object" or "properties" in rows
    if format_ == SPLIT:
        columns, data = value.get("columns"), value.get("data", [])
        return [dict(zip(columns, row, strict=False)) for row in data] if wants_records and columns else data
    if format_ == RECORDS and not wants_records:
        return [list(record.values()) for record in value]
    return value


def _taken(described: Any) -> Mapping[str, Any]:
    """The schema of what is posted to /score."""
    here = described
    for paths in described.get("paths", {}) if isinstance(described, Mapping) else ():
        if paths.endswith("/score") or paths == "/":
            here = described["paths"][paths]
    for key in ("post", "requestBody", "content", "application/json", "schema"):
        here = here.get(key, {}) if isinstance(here, Mapping) else {}
    return _resolved(here, described)


def _resolved(schema: Any, described: Any) -> Mapping[str, Any]:
    """A schema, or the one that it refers to."""
    for _ in range(8):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        schema = described
        for word in reference.removeprefix("#/").split("/"):
            schema = schema.get(word) if isinstance(schema, Mapping) else None
    return {}
