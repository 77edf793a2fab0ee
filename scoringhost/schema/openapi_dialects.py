"""JSON Schema of 2020-12, as OpenAPI 3.1 has it, in the words of OpenAPI 3.0 and Swagger 2.0.

What those have no words for is left out, so that they say less, and nothing wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from scoringhost.schema.openapi import Json, OpenApiVersion, RunSchemas

REFERENCES = "#/components/schemas/"
"""Where a schema refers to, in the words of 3.0 and 3.1."""
_REFERENCES_OF_2 = "#/definitions/"

_KEPT = frozenset({
    "title", "description", "default", "example", "enum", "type", "format", "multipleOf", "maximum", "minimum",
    "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties",
    "required", "readOnly",
})  # fmt: skip
_KEPT_IN_3 = frozenset({"writeOnly", "deprecated"})
_CHOICES = ("anyOf", "oneOf", "allOf")
_NULL = {"type": "null"}


@dataclass(frozen=True)
class ExactSchemas(RunSchemas):
    """Schemas in the words of 3.1, which the older documents say as far as they can."""

    is_exact: ClassVar[bool] = True

    def said_in(self, version: OpenApiVersion) -> RunSchemas:
        """The same in the words of one version."""
        definitions = {name: said_in(version, schema) for name, schema in self.definitions.items()}
        output = said_in(version, self.output)
        return RunSchemas(said_in(version, self.input), output, self.versions, definitions)


def said_in(version: OpenApiVersion, schema: Any) -> Any:
    """The schema in the words of a version; it is not changed."""
    if version is OpenApiVersion.V31 or not isinstance(schema, Mapping):
        return schema
    return _older(schema, is_2=version is OpenApiVersion.V2)


def _older(schema: Mapping[str, Any], *, is_2: bool) -> Json:
    if "$ref" in schema:  # words beside it are not heard in these versions
        return {"$ref": schema["$ref"].replace(REFERENCES, _REFERENCES_OF_2) if is_2 else schema["$ref"]}
    kept = _KEPT if is_2 else _KEPT | _KEPT_IN_3
    said = {word: part for word, part in schema.items() if word in kept}
    if is_2 and said.get("default", said) is None:
        del said["default"]  # no value may be null
    if schema == _NULL:
        said = {"enum": [None]}
    if "const" in schema:
        said["enum"] = [schema["const"]]
    if schema.get("examples"):
        said.setdefault("example", schema["examples"][0])
    _say_limits(schema, said)
    _say_parts(schema, said, is_2=is_2)
    for word in _CHOICES:
        if word in schema:
            said = _choice(word, schema[word], said, is_2=is_2)
    return said


def _say_limits(schema: Mapping[str, Any], said: Json) -> None:
    """An exclusive limit is a limit and a flag in these versions."""
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            said[limit], said[exclusive] = schema[exclusive], True


def _say_parts(schema: Mapping[str, Any], said: Json, *, is_2: bool) -> None:
    if "properties" in schema:
        said["properties"] = {name: _older(part, is_2=is_2) for name, part in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), Mapping):
        said["additionalProperties"] = _older(schema["additionalProperties"], is_2=is_2)
    elif "additionalProperties" in schema:
        said["additionalProperties"] = schema["additionalProperties"]
    if schema.get("type") == "array":
        items = schema.get("items")
        said["items"] = _older(items, is_2=is_2) if isinstance(items, Mapping) else {}


def _choice(word: str, schemas: list[Mapping[str, Any]], said: Json, *, is_2: bool) -> Json:
    """One of several schemas, of which null is a flag of the others; 2.0 knows no other choice."""
    others = [_older(schema, is_2=is_2) for schema in schemas if schema != _NULL]
    may_be_null = len(others) < len(schemas)
    if len(others) == 1 and (is_2 or "$ref" not in others[0]):
        said = others[0] if "$ref" in others[0] else {**others[0], **said}
    elif not is_2:
        said[word if len(others) > 1 else "allOf"] = others
    if may_be_null and "$ref" not in said:
        said["x-nullable" if is_2 else "nullable"] = True
    return said
