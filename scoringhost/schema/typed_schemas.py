"""What the API document says of a run() with `@typed`: pydantic's JSON schemas, and a sample made of their examples."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.openapi import BARE, Json
from scoringhost.schema.openapi_dialects import REFERENCES, ExactSchemas
from scoringhost.schema.typed_codec import TypedType

_MOST_DEPTH = 20


@dataclass(frozen=True, slots=True)
class ParameterSchema:
    """One parameter of run(): its type, and its default unless it is required."""

    name: str
    type: TypedType
    is_required: bool
    default: object = None


def schemas_of(parameters: Sequence[ParameterSchema], result: TypedType | None) -> ExactSchemas:
    """The schemas of the body, an object with a member for each parameter, and of the result.

    The body's schema has an example only if each required parameter has one, by its default or by examples.
    """
    from pydantic import TypeAdapter

    asked: list[Any] = [(one.name, "validation", one.type.adapter) for one in parameters]
    if result is not None:
        asked.append(("", "serialization", result.adapter))
    found, around = TypeAdapter.json_schemas(asked, ref_template=REFERENCES + "{model}")
    definitions = around.get("$defs", {})
    properties = {}
    for one in parameters:
        properties[one.name] = found[one.name, "validation"] | _default(one)
    body: Json = {"type": "object", "properties": properties}
    required = [one.name for one in parameters if one.is_required]
    if required:
        body["required"] = required
    with contextlib.suppress(_NoExample):
        body["example"] = _example(body, definitions)
    output: Json = dict(found["", "serialization"]) if result is not None else BARE.output
    return ExactSchemas(body, output, definitions=definitions)


def _default(parameter: ParameterSchema) -> Json:
    if parameter.is_required:
        return {}
    try:
        default = parameter.type.adapter.dump_python(parameter.default, mode="json", warnings=False)
        parameter.type.to_python(default)
    except ValueError:
        return {}  # one that JSON cannot hold, or that no caller may send: `x: int = None`
    return {"default": default}


class _NoExample(Exception):
    """Nothing in a schema says what a value may be like."""


def _example(schema: Mapping[str, Any], definitions: Json, depth: int = 0) -> JsonValue:
    """A value made of examples, defaults, constants and enumerations; what is optional is left out without any.

    Raises:
        _NoExample: if a part that is required has none.
    """
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("example", "default", "const"):
        if word in schema:
            return schema[word]
    if depth > _MOST_DEPTH:  # a class that refers to itself
        raise _NoExample
    return _made_of_parts(schema, definitions, depth)


def _made_of_parts(schema: Mapping[str, Any], definitions: Json, depth: int) -> JsonValue:
    if "$ref" in schema:
        return _example(definitions[schema["$ref"].removeprefix(REFERENCES)], definitions, depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _first_example(schema[word], definitions, depth)
    if schema.get("type") == "array" and "items" in schema:
        return [_example(schema["items"], definitions, depth + 1)]
    if schema.get("type") == "object" and "properties" in schema:
        return _members(schema, definitions, depth)
    if schema.get("type") == "null":
        return None
    raise _NoExample


def _first_example(schemas: Sequence[Mapping[str, Any]], definitions: Json, depth: int) -> JsonValue:
    for schema in schemas:
        try:
            return _example(schema, definitions, depth + 1)
        except _NoExample:
            continue
    raise _NoExample


def _members(schema: Mapping[str, Any], definitions: Json, depth: int) -> Json:
    made: Json = {}
    for name, member in schema["properties"].items():
        is_required = name in schema.get("required", ())
        try:
            example = _example(member, definitions, depth + 1)
        except _NoExample:
            if is_required:
                raise
            continue
        if is_required or example is not None:  # in 2.0 no value may be null
            made[name] = example
    return made
