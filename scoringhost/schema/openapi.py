"""The API document of a service: Swagger 2.0, OpenAPI 3.0 and 3.1.

Pure functions from what inference-schema recorded about run() and from the service's name to the
document, and a reader for documents that the user wrote. The documents are those of
azureml-inference-server-http, which clients generate code from; `openapi_corrections` puts right what they get wrong.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from scoringhost.schema.declared import JsonValue

Json = dict[str, Any]

logger = logging.getLogger("azmlinfsrv.swagger")


class OpenApiVersion(enum.Enum):
    """A kind of document; the value is its name towards callers."""

    V2 = "2"
    V3 = "3"
    V31 = "3.1"

    @classmethod
    def named(cls, text: str) -> OpenApiVersion | None:
        """Answer the version that a query such as `?version=3.0` asks for; None if there is none."""
        return next((row.version for row in _FORMS if text in row.names), None)


@dataclass(frozen=True)
class _Form:
    """One kind of document: its names, the one inference-schema uses, the user's files for it."""

    version: OpenApiVersion
    names: tuple[str, ...]
    schema_name: str
    own_files: tuple[str, ...]


_FORMS = (
    _Form(OpenApiVersion.V2, ("2", "2.0"), "2.0", ("swagger.json", "swagger2.json")),
    _Form(OpenApiVersion.V3, ("3", "3.0"), "3.0", ("swagger3.json",)),
    _Form(OpenApiVersion.V31, ("3.1",), "3.1", ("swagger3.1.json",)),
)


@dataclass(frozen=True)
class ServiceInfo:
    """What the document says about the service.

    path_prefix: stands before each path, as it is. scoring: what run() does; empty if it does not say.
    """

    name: str
    version: str
    path_prefix: str = ""
    scoring: str = ""


@dataclass(frozen=True)
class RunSchemas:
    """The schemas of what run() takes and returns, and the versions that can express both."""

    input: Json
    output: Json
    versions: tuple[OpenApiVersion, ...] = tuple(OpenApiVersion)
    definitions: Json = dataclasses.field(default_factory=dict)
    """Schemas of classes, by their names, that the others refer to."""
    is_exact: ClassVar[bool] = False
    """Whether they say just what is meant: those that are made of a sample have yet to be fitted to it."""

    def said_in(self, version: OpenApiVersion) -> RunSchemas:
        """The same in the words of one version."""
        return self


BARE = RunSchemas({"type": "object", "example": {}}, {"type": "object", "example": {}})
"""The schemas of a run() without decorators."""


# -- from run() to schemas -----------------------------------------------------------------------


def schemas_of(run: Callable[..., object]) -> RunSchemas:
    """Answer the schemas that the decorators of run() recorded; bare objects without decorators.

    They are copies, mended where inference-schema writes booleans as text or an empty `required`.
    """
    recorded = _recorded("__functions_schema__", run)
    if recorded is None:
        return BARE
    return RunSchemas(
        _mended(recorded.get("input_schema", {"type": "object"})),
        _mended(recorded.get("output_schema", {"type": "object"})),
        _versions(_recorded("__versions__", run) or {}),
    )


def sample_of(schema: Mapping[str, Any]) -> JsonValue:
    """The sample that the schema of an input shows as its example; None if there is none."""
    return schema.get("example") or None


def _recorded(registry: str, run: Callable[..., object]) -> Json | None:
    """Answer the entry of inference-schema's registry; it is keyed by the innermost function."""
    package = sys.modules.get("inference_schema.schema_util")
    if package is None:
        return None
    innermost = inspect.unwrap(run)
    key = f"{getattr(innermost, '__module__', '')}.{getattr(innermost, '__name__', '')}"
    entry: Json | None = getattr(package, registry).get(key)
    return entry


def _versions(recorded: Mapping[str, Mapping[str, Any]]) -> tuple[OpenApiVersion, ...]:
    """Answer the versions that every decorator supports; mixed-type arrays do not fit 2.0."""
    lists = [set(part["versions"]) for part in recorded.values() if part.get("versions")]
    return tuple(form.version for form in _FORMS if all(form.schema_name in names for names in lists))


def _mended(schema: Json) -> Json:
    """Answer a copy without empty `required` lists, with booleans in its example."""
    mended = _without_empty_required(copy.deepcopy(schema))
    if "example" in mended:
        mended["example"] = _mended_example(mended, mended["example"])
    return mended


def _without_empty_required(schema: Json) -> Json:
    """2.0 and 3.0 forbid an empty list, which inference-schema writes for an empty dict."""
    kept = {key: part for key, part in schema.items() if key != "required" or part}
    if "items" in kept:
        kept["items"] = _without_empty_required(kept["items"])
    if "properties" in kept:
        kept["properties"] = {name: _without_empty_required(part) for name, part in kept["properties"].items()}
    return kept


def _mended_example(schema: Mapping[str, Any], example: JsonValue) -> JsonValue:
    if schema.get("type") == "boolean":
        return {"True": True, "False": False}.get(example, example) if isinstance(example, str) else example
    if isinstance(example, list):
        return [_mended_example(schema.get("items", {}), item) for item in example]
    if isinstance(example, dict):
        properties = schema.get("properties", {})
        return {name: _mended_example(properties.get(name, {}), item) for name, item in example.items()}
    return example


# -- from schemas to documents -------------------------------------------------------------------


def document(
    version: OpenApiVersion, info: ServiceInfo, input_schema: Json, output_schema: Json, definitions: Json | None = None
) -> Json:
    """Answer the API document of a service; the schemas become part of it without being copied."""
    schemas = {
        **(definitions or {}),
        "ServiceInput": input_schema,
        "ServiceOutput": output_schema,
        "ErrorResponse": {"type": "object", "properties": {"message": {"type": "string"}}},
    }
    about = {
        "title": info.name,
        "description": f"How to call {info.name}: scoring, health and this document",
        "version": info.version,
    }
    if version is OpenApiVersion.V2:
        found = _swagger_2(about, info.path_prefix, schemas)
    else:
        found = _openapi_3("3.1.0" if version is OpenApiVersion.V31 else "3.0.3", about, info.path_prefix, schemas)
    if info.scoring:
        found["paths"][f"{info.path_prefix}/score"]["post"]["description"] = info.scoring
    return found


_BEARER = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "description": "The word Bearer, a space, and the key or token of the endpoint",
}
_HEALTH = {"operationId": "ServiceHealthCheck", "description": "Tells whether the service is up."}
_SCORE = {
    "operationId": "RunMLService",
    "description": "Calls run() of the entry script with the payload and answers its result.",
    "security": [{"Bearer": []}],
}
_DOCUMENT = {"operationId": "GetSwaggerSpec", "description": "Answers this document."}
_VERSION = {"name": "version", "in": "query", "required": False}
_VERSION_TYPE = {"type": "integer", "enum": [2, 3]}
_HEALTHY = "The service is up; the body is the word 'Healthy'."
_RESULT = "The result of run()."
_DOCUMENT_TEXT = "The document as JSON."
_PAYLOAD = "A JSON object with one member for each parameter of run()."
_FAILURE = "The call failed; the message says why."


def _swagger_2(about: Json, prefix: str, schemas: Json) -> Json:
    def answers(text: str, schema: Json, **more: object) -> Json:
        failure = {"description": _FAILURE, "schema": {"$ref": "#/definitions/ErrorResponse"}}
        return {"200": {"description": text, "schema": schema, **more}, "default": failure}

    payload = {
        "name": "serviceInputPayload",
        "in": "body",
        "description": _PAYLOAD,
        "schema": {"$ref": "#/definitions/ServiceInput"},
    }
    healthy = answers(_HEALTHY, {"type": "string"}, examples={"application/json": "Healthy"})
    result = answers(_RESULT, {"$ref": "#/definitions/ServiceOutput"})
    text = answers(_DOCUMENT_TEXT, {"type": "string"})
    return {
        "swagger": "2.0",
        "info": about,
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": dict(_BEARER)},
        "paths": {
            f"{prefix}/": {"get": {**_HEALTH, "responses": healthy}},
            f"{prefix}/score": {"post": {**_SCORE, "parameters": [payload], "responses": result}},
            f"{prefix}/swagger.json": {
                "get": {**_DOCUMENT, "parameters": [{**_VERSION, **_VERSION_TYPE}], "responses": text}
            },
        },
        "definitions": schemas,
    }


def _openapi_3(number: str, about: Json, prefix: str, schemas: Json) -> Json:
    def body(text: str, media_type: str, schema: Json) -> Json:
        return {"description": text, "content": {media_type: {"schema": schema}}}

    def named(text: str, name: str) -> Json:
        return body(text, "application/json", {"$ref": f"#/components/schemas/{name}"})

    failure = named(_FAILURE, "ErrorResponse")
    healthy = body(_HEALTHY, "text/plain", {"type": "string", "example": "Healthy"})
    result = named(_RESULT, "ServiceOutput")
    text = body(_DOCUMENT_TEXT, "text/plain", {"type": "string"})
    score = {**_SCORE, "requestBody": named(_PAYLOAD, "ServiceInput"), "responses": {"200": result, "default": failure}}
    version = {**_VERSION, "schema": dict(_VERSION_TYPE)}
    get = {**_DOCUMENT, "parameters": [version], "responses": {"200": text, "default": failure}}
    return {
        "openapi": number,
        "info": about,
        "security": [{"Bearer": []}],
        "paths": {
            f"{prefix}/": {"get": {**_HEALTH, "responses": {"200": healthy, "default": failure}}},
            f"{prefix}/score": {"post": score},
            f"{prefix}/swagger.json": {"get": get},
        },
        "components": {"schemas": schemas, "securitySchemes": {"Bearer": dict(_BEARER)}},
    }


# -- the user's own documents --------------------------------------------------------------------


def own_documents(folder: Path) -> Mapping[OpenApiVersion, JsonValue]:
    """Answer the documents that the user put into the app root; they replace the generated ones.

    Whatever JSON a file holds is its document, but for what is empty; a file that is no JSON is skipped
    with a warning. Of two for one version the first usable one counts: `swagger.json` goes before
    `swagger2.json`.
    """
    found: dict[OpenApiVersion, JsonValue] = {}
    for form in _FORMS:
        own = next(filter(None, (_own_document(folder / name) for name in form.own_files)), None)
        if own is not None:
            found[form.version] = own
    return found


def _own_document(path: Path) -> JsonValue:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s is left out: %s", path, error)
        return None
    if content:
        logger.info("The API document is taken from %s", path)
    return content
