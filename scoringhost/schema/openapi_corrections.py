"""What azmlinfsrv's API document says that is not so, put right.

Its documents declare a Bearer key that nobody asks for, call `Healthy` JSON, and the document itself a text of
version 2 or 3 only. Schemas come here as JSON Schema has them, with lists of types, and are written as each version
does.
"""

from __future__ import annotations

from typing import Any

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.openapi import OpenApiVersion

Json = dict[str, Any]

_LINES, _TEXT, _EVENTS = "application/x-ndjson", "text/plain", "text/event-stream"
_NULL = {"enum": [None]}
_VERSIONS = ["2", "2.0", "3", "3.0", "3.1"]


def corrected(
    document: Json, version: OpenApiVersion, summary: str = "", *, asks_for_key: bool = False, streams: bool = False
) -> Json:
    """A document of azmlinfsrv's shape as it should be; it is changed.

    summary: one line that says what run() does; empty if nobody says. asks_for_key: whether scoring
    needs a key or a token, so that the Bearer key is declared with reason; health never does.
    streams: whether run() yields, so that the schema of the result is that of each item.
    """
    document.pop("security", None)
    health, score, itself = (next(iter(path.values())) for path in document["paths"].values())
    if not asks_for_key:
        score.pop("security", None)
        document.pop("securityDefinitions", None)
        document.get("components", {}).pop("securitySchemes", None)
    if summary:
        score["summary"] = summary
    if streams:
        _stream_items(score, document)
    if version is OpenApiVersion.V2:
        document["definitions"] = {name: _as_2(schema) for name, schema in document["definitions"].items()}
        health["produces"] = ["text/html"]
        health["responses"]["200"].pop("examples")
        itself["parameters"][0].update(type="string", enum=_VERSIONS)
        itself["responses"]["200"]["schema"] = {"type": "object"}
        return document
    components = document["components"]
    health["responses"]["200"]["content"] = {"text/html": {"schema": {"type": "string", "example": "Healthy"}}}
    itself["parameters"][0]["schema"] = {"type": "string", "enum": _VERSIONS}
    itself["responses"]["200"]["content"] = {"application/json": {"schema": {"type": "object"}}}
    if version is OpenApiVersion.V3:
        components["schemas"] = {name: _as_3(schema) for name, schema in components["schemas"].items()}
    return document


def _stream_items(score: Json, document: Json) -> None:
    """Say that the answer is one item after the other, and in which media types.

    Text goes out as it is and everything else as a line of JSON; where nobody says which, it may be either.
    """
    schemas = document.get("definitions") or document["components"]["schemas"]
    kind = schemas["ServiceOutput"].get("type")
    lines = [_TEXT] if kind == "string" else [_LINES]
    if not kind and "$ref" not in schemas["ServiceOutput"]:
        lines = [_LINES, _TEXT]
    result = score["responses"]["200"]
    result["description"] = "The results that run() yields, one after the other."
    if "schema" in result:  # 2.0 has one schema for all media types, and that of an event is none of them
        score["produces"] = [*lines, _EVENTS]
        return
    [item] = result["content"].values()
    result["content"] = {name: item for name in lines} | {_EVENTS: {"schema": {"type": "string"}}}


def _as_2(schema: JsonValue) -> JsonValue:
    """As Swagger 2.0 writes a value that may be null.

    Its `type` is that of JSON Schema draft 4, so a list is allowed; `x-nullable` is what code generators look at.
    """
    found = _each_part(schema, _as_2)
    kind = found.get("type")
    return {**found, "x-nullable": True} if isinstance(kind, list) and "null" in kind else found


def _as_3(schema: JsonValue) -> JsonValue:
    """As OpenAPI 3.0 writes a value that may be null or of several types.

    It knows no lists of types. `nullable` says it for everything that reads 3.0, and the second branch for plain
    JSON Schema, which does not know `nullable`.
    """
    found = _each_part(schema, _as_3)
    kinds = found.get("type")
    if not isinstance(kinds, list):
        return found
    outside = {key: found.pop(key) for key in ("example", "description", "title") if key in found}
    branches: list[Json] = [{**found, "type": kind} for kind in kinds if kind != "null"]
    if "null" in kinds:
        branches = [{**branch, "nullable": True} for branch in branches] + [dict(_NULL)]
    return {**outside, "anyOf": branches}


def _each_part(schema: Json, change: Any) -> Json:
    """A copy in which the schemas of items and members are changed."""
    found = dict(schema)
    if isinstance(found.get("items"), dict):
        found["items"] = change(found["items"])
    if isinstance(found.get("properties"), dict):
        found["properties"] = {name: change(member) for name, member in found["properties"].items()}
    return found
