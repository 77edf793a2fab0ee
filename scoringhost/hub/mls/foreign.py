"""Services that were deployed in another way, as this protocol sees them: their API documents say what they take.

Inputs are the parameters of run(); one that takes the body as text gets the value of `data`, as its scripts expect it.
What it returns is the output `result`. Where no schema says its type that is `character`, whose values clients take
as they come.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scoringhost.errors import ScoringHostError
from scoringhost.http.routes import Match
from scoringhost.hub.in_process_front import InProcessFront, ServiceAnswer
from scoringhost.hub.mls.definition import Definition, Parameter
from scoringhost.hub.service_values import Version

DATA, RESULT = "data", "result"
_TYPES = {"integer": "integer", "number": "numeric", "string": "character", "boolean": "logical",
          "array": "vector", "object": "data.frame"}  # fmt: skip
_UNKNOWN = Definition(inputs=(Parameter(DATA, "vector"),), outputs=(Parameter(RESULT, "character"),))


class Foreign:
    """Reads what they say of themselves, once for each deployment."""

    def __init__(self, front: InProcessFront) -> None:
        self._front = front
        self._known: dict[int, Definition] = {}
        self.match: Match | None = None
        """What a request of this dialect leads to, whose words errors would be in."""

    async def definition(self, version: Version) -> Definition:
        """What a version takes and returns; a guess, if it does not run now."""
        deployment = version.deployment
        assert deployment is not None
        if deployment.id not in self._known:
            found = await self._read(version)
            if found is None:
                return _UNKNOWN
            self._known[deployment.id] = found
        return self._known[deployment.id]

    async def _read(self, version: Version) -> Definition | None:
        if self.match is None or not self._front.is_ready(version.service, version.version):
            return None  # nothing is started for the sake of a list
        try:
            answer = await self._front.call(
                self.match, version.service, version.version, "/swagger.json?version=3.1", None, {}
            )
            document = json.loads(answer.body) if answer.status == 200 else None
        except (ScoringHostError, ValueError):
            return None
        if not isinstance(document, dict):
            return None
        return definition_of(document)


def definition_of(document: Mapping[str, Any]) -> Definition:
    """What an OpenAPI document of version 3 says of /score."""
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    body = _resolved(schemas.get("ServiceInput", {}), schemas)
    output = _resolved(schemas.get("ServiceOutput", {}), schemas)
    inputs = []
    for name, schema in body.get("properties", {}).items():
        if name.isidentifier():
            inputs.append(Parameter(name, _type_of(_resolved(schema, schemas)) or "character"))
    kind = _type_of(output)
    return Definition(
        inputs=tuple(inputs) or _UNKNOWN.inputs,
        outputs=(Parameter(RESULT, "character" if kind in (None, "data.frame") else kind),),
    )


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    found: Mapping[str, Any] = schemas.get(reference.rpartition("/")[2], {}) if reference else schema
    return found


def _type_of(schema: Mapping[str, Any]) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind == "array" and schema.get("items", {}).get("type") == "array":
        return "matrix"
    return _TYPES.get(str(kind))


def result_of(answer: ServiceAnswer, definition: Definition) -> tuple[int, dict[str, Any]]:
    """The status and the Result for what such a service has answered."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = answer.body.decode(errors="replace")
    is_good = answer.status < 400
    error = ""
    if not is_good:
        error = value.get("message", "") if isinstance(value, dict) else str(value)
    return answer.status, {
        "success": is_good,
        "errorMessage": error or ("" if is_good else f"status {answer.status}"),
        "consoleOutput": "",
        "changedFiles": [],
        "outputFiles": {},
        "outputParameters": {one.name: value for one in definition.outputs} if is_good else {},
    }
