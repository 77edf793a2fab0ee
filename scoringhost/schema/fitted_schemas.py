"""JSON schemas that take the sample they were made from.

inference-schema guesses the schema of a list from its last item alone: a column that ends in a missing value is
"object" there, and one of `"a"` and `1` is "integer". A schema and the values of its example are walked side by side
here, and what does not take its own values is replaced by what does. Where nothing but a guess stands, anything is
taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.fitting import fits

Json = dict[str, Any]

_GUESSES: dict[type, Json] = {
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number", "format": "double"},
    str: {"type": "string"},
}
"""As inference-schema writes them."""
_FORMATS_OF_TEXT = ("date-time", "timedelta")
"""What inference-schema adds to a column by its dtype, whatever type it guessed."""


def fitted(schema: Json) -> Json:
    """The schema, or a new one in its place, so that it takes its own example.

    `type` may be a list of types then, as JSON Schema has it.
    The example is written for JSON: NaN and infinities are null. What the example does not contradict stays.
    """
    if "example" not in schema:
        return _fitted(schema, [])
    example = as_json(schema["example"])
    return {**_fitted(schema, [example]), "example": example}


def as_json(value: JsonValue) -> JsonValue:
    """The value with null for NaN and infinities, as the host writes it."""
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    return value


def _fitted(schema: Json, values: Sequence[JsonValue]) -> Json:
    """The schema of one place, given all the values that stand there."""
    present = [value for value in values if value is not None]
    found = _of_present(schema, present)
    kind = found.get("type")
    if len(present) < len(values) and isinstance(kind, str):
        found = {**found, "type": [kind, "null"]}
    elif len(present) < len(values) and isinstance(kind, list):
        found = {**found, "type": [*kind, "null"]}
    return found


def _of_present(schema: Json, values: Sequence[JsonValue]) -> Json:
    kind = schema.get("type")
    if not isinstance(kind, str):
        return schema
    is_guess = kind == "object" and "properties" not in schema and "additionalProperties" not in schema
    if is_guess and not values:
        return _without_type(schema)
    if not all(fits(kind, value) for value in values):
        return _replaced(schema, values)
    if kind == "array":
        return _array(schema, values)
    if kind == "object":
        return _object(schema, values)
    return schema


def _without_type(schema: Json) -> Json:
    """A guess about which no value says anything: a column of nothing but missing values, the items of no list."""
    if schema.get("format") in _FORMATS_OF_TEXT:
        return {**schema, "type": "string"}
    return {key: part for key, part in schema.items() if key not in ("type", "format")}


def _replaced(schema: Json, values: Sequence[JsonValue]) -> Json:
    """What takes values that the schema does not take."""
    kept: Json = {key: schema[key] for key in ("description", "title") if key in schema}
    kinds = {type(value) for value in values}
    if kinds == {list}:
        return {**kept, **_array({"type": "array", "items": {"type": "object"}}, values)}
    if kinds == {dict}:
        return {**kept, "type": "object"}
    if kinds == {int, float}:
        kinds = {float}
    if kinds == {str} and schema.get("format") in _FORMATS_OF_TEXT:
        return {**kept, "type": "string", "format": schema["format"]}
    if len(kinds) == 1:
        return {**kept, **_GUESSES[kinds.pop()]}
    if kinds <= _GUESSES.keys():
        return {**kept, "type": [guess["type"] for kind, guess in _GUESSES.items() if kind in kinds]}
    return kept  # lists or objects among others: anything


def _array(schema: Json, values: Sequence[list[JsonValue]]) -> Json:
    items = [item for value in values for item in value]
    is_table = str(schema.get("format")).startswith("pandas.")
    if "items" not in schema or (is_table and not items):
        return schema  # the rows of a table are objects, also if the sample has none
    return {**schema, "items": _fitted(schema["items"], items)}


def _object(schema: Json, values: Sequence[dict[str, JsonValue]]) -> Json:
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {
            name: _fitted(member, [value[name] for value in values if name in value])
            for name, member in schema["properties"].items()
        }
    if "required" in schema:
        # Of a list of objects inference-schema takes the members of the last one for those of all.
        found["required"] = [name for name in schema["required"] if all(name in value for value in values)]
        if not found["required"]:
            del found["required"]  # 2.0 and 3.0 forbid an empty list
    return found
