"""The Swagger 2.0 document of one web service, as programs that generate clients from it know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoringhost.hub.mls.definition import Definition, Parameter
from scoringhost.runtimes.mls.wire_types import WIRE_TYPES

Json = dict[str, Any]

_TEXT, _COUNT = {"type": "string"}, {"type": "integer"}
_STATES = ["Pending", "InProgress", "Ready", "Complete", "Failed"]


def swagger_of(name: str, version: str, definition: Definition) -> Json:
    """The document."""
    base = f"/api/{name}/{version}"
    batch = f"{base}/batch"
    inputs, outputs = _object(definition.inputs), _object(definition.outputs)
    record = {"type": "array", "items": _ref("InputParameters")}
    one_batch = [_in_path("executionId")]
    one_record = [*one_batch, {**_in_path("index"), "type": "integer"}]
    ids = {"type": "array", "items": _TEXT}
    partial = {"name": "showPartialResults", "in": "query", "required": False, "type": "boolean"}
    parallel = {"name": "parallelCount", "in": "query", "required": False, "type": "integer"}
    file = {"type": "file"}
    return {
        "swagger": "2.0",
        "info": {"title": name, "version": version, "description": definition.description},
        "schemes": ["http", "https"],
        "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        "security": [{"Bearer": []}],
        "paths": {
            "/login": {"post": _operation("login", "AccessTokenResponse", body=_ref("LoginRequest"), is_open=True)},
            "/login/refreshToken": {
                "post": _operation("renew token", "AccessTokenResponse", body=_ref("RenewTokenRequest"), is_open=True),
                "delete": _operation(
                    "revoke refresh token",
                    None,
                    [{"name": "refreshToken", "in": "query", "required": True, "type": "string"}],
                    is_open=True,
                ),
            },
            base: {"post": _operation(definition.operation_id, "WebServiceResult", body=_ref("InputParameters"))},
            batch: {
                "get": _operation("get batch executions", ids),
                "post": _operation("start batch execution", "StartBatchExecutionResponse", [parallel], record, 202),
            },
            f"{batch}/{{executionId}}": {
                "get": _operation("get batch execution", "BatchWebServiceResult", [*one_batch, partial]),
                "delete": _operation("cancel batch execution", ids, one_batch),
            },
            f"{batch}/{{executionId}}/{{index}}/files": {
                "get": _operation("get batch execution files", ids, one_record)
            },
            f"{batch}/{{executionId}}/{{index}}/files/{{fileName}}": {
                "get": _operation("get batch execution file", file, [*one_record, _in_path("fileName")])
            },
        },
        "definitions": {**_fixed(definition.files), "InputParameters": inputs, "OutputParameters": outputs},
    }


def _fixed(files: Sequence[str]) -> Json:
    """What is the same for every service, but for the names of files."""
    return {
        "WebServiceResult": _properties({
            "success": {"type": "boolean"},
            "errorMessage": _TEXT,
            "consoleOutput": _TEXT,
            "changedFiles": {"type": "array", "items": _TEXT},
            "outputFiles": _properties({name: {"type": "string", "format": "byte"} for name in files}),
            "outputParameters": _ref("OutputParameters"),
        }),
        "BatchWebServiceResult": _properties({
            "state": {"type": "string", "enum": _STATES},
            "completedItemCount": _COUNT,
            "totalItemCount": _COUNT,
            "batchExecutionResults": {"type": "array", "items": _ref("WebServiceResult")},
        }),
        "StartBatchExecutionResponse": _properties({"batchExecutionId": _TEXT, "BatchExecutionId": _TEXT}),
        "LoginRequest": _properties({"username": _TEXT, "password": {**_TEXT, "format": "password"}}),
        "RenewTokenRequest": _properties({"refreshToken": _TEXT}),
        "AccessTokenResponse": _properties({
            "token_type": _TEXT, "access_token": _TEXT, "expires_in": _COUNT, "expires_on": _COUNT,
            "refresh_token": _TEXT,
        }),
        "Error": _properties({"message": _TEXT, "code": _TEXT}),
    }  # fmt: skip


def _operation(
    name: str,
    answer: str | Json | None,
    parameters: Sequence[Mapping[str, Any]] = (),
    body: Json | None = None,
    status: int = 200,
    *,
    is_open: bool = False,
) -> Json:
    found: list[Mapping[str, Any]] = list(parameters)
    if body is not None:
        found.append({"name": "body", "in": "body", "required": True, "schema": body})
    good: Json = {"description": "OK"}
    if answer is not None:
        good["schema"] = _ref(answer) if isinstance(answer, str) else answer
    said = {"operationId": name, "consumes": ["application/json"], "produces": ["application/json"]}
    if is_open:
        said["security"] = []
    error = {"description": "Error", "schema": _ref("Error")}
    return {**said, "parameters": found, "responses": {str(status): good, "default": error}}


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "type": "string"}


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _properties(properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def _object(parameters: Sequence[Parameter]) -> Json:
    return _properties({one.name: WIRE_TYPES[one.type].schema() for one in parameters})
