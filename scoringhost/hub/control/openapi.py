"""The OpenAPI 3.1 document of the control API, made from the table of operations."""

from __future__ import annotations

import re
from typing import Any

from scoringhost._version import __version__
from scoringhost.hub.control.operations import OPERATIONS, Operation

_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": "string"},
                "reason": {"type": "string"},
                "log": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}


def document() -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "scoringhost hub", "version": __version__},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _ERROR},
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": dict(schema)}
        for name, schema in operation.query.items()
    ]
    error = {
        "description": "Why not",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "4XX": error,
            "5XX": error,
        },
    }
    if operation.answers_bytes:
        content: dict[str, Any] = {"application/octet-stream": {"schema": {}}, "application/x-tar": {"schema": {}}}
        found["responses"][str(operation.status)]["content"] = content
    if operation.is_raw:
        found["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    elif operation.body is not None:
        schema: dict[str, Any] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: dict(one) for name, one in operation.body.items()},
        }
        if operation.required:
            schema["required"] = list(operation.required)
        found["requestBody"] = {
            "required": bool(operation.required),
            "content": {"application/json": {"schema": schema}},
        }
    return found
