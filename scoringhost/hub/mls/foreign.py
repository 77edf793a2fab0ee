"""Services that were deployed in another way, as this protocol sees them: their API documents say what they take.

Inputs are the parameters of run(); one that takes the body as text gets the value of `data`, as its scripts expect it.
What it returns is the output `result`. Where no schema says its type that is `character`, whose values clients take
as they come. Tables, which such scripts take and return as lists of records, are columns in this protocol.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import ScoringHostError
from scoringhost.http.routes import Match
from scoringhost.hub.in_process_front import InProcessFront, ServiceAnswer
from scoringhost.hub.mls.definition import Definition, Parameter
from scoringhost.hub.service_values import Version

DATA, RESULT = "data", "result"
_TYPES = {"integer": "integer", "number": "numeric", "string": "character", "boolean": "logical",
          "array": "vector", "object": "data.frame"}  # fmt: skip
TABLE, FRAME = "pandas.DataFrame:records", "data.frame"


@dataclass(frozen=True, slots=True)
class Shape:
    """What such a service takes and returns. tables: the inputs that it takes as lists of records; returns_table: what
    it returns is one.
    """

    definition: Definition
    tables: frozenset[str] = frozenset()
    returns_table: bool = False


_UNKNOWN = Shape(Definition(inputs=(Parameter(DATA, "vector"),), outputs=(Parameter(RESULT, "character"),)))


class Foreign:
    """Reads what they say of themselves, once for each deployment."""

    def __init__(self, front: InProcessFront) -> None:
        self._front = front
        self._known: dict[int, Shape] = {}
        self.match: Match | None = None
        """What a request of this dialect leads to, whose words errors would be in."""

    async def shape(self, version: Version) -> Shape:
        """What a version takes and returns; a guess, if it does not run now."""
        deployment = version.deployment
        assert deployment is not None
        if deployment.id not in self._known:
            found = await self._read(version)
            if found is None:
                return _UNKNOWN
            self._known[deployment.id] = found
        return self._known[deployment.id]

    async def _read(self, version: Version) -> Shape | None:
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
        return shape_of(document)


def shape_of(document: Mapping[str, Any]) -> Shape:
    """What an OpenAPI document of version 3 says of /score."""
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    body = _resolved(schemas.get("ServiceInput", {}), schemas)
    output = _resolved(schemas.get("ServiceOutput", {}), schemas)
    inputs, tables = [], []
    for name, found in body.get("properties", {}).items():
        schema = _resolved(found, schemas)
        if name.isidentifier():
            inputs.append(Parameter(name, _type_of(schema) or "character"))
        if schema.get("format") == TABLE:
            tables.append(name)
    returns_table = output.get("format") == TABLE
    kind = _type_of(output)
    is_said = kind is not None and (kind != FRAME or returns_table)  # an object may be anything
    definition = Definition(
        inputs=tuple(inputs) or _UNKNOWN.definition.inputs,
        outputs=(Parameter(RESULT, str(kind) if is_said else "character"),),
    )
    return Shape(definition, frozenset(tables), returns_table)


def handed_on(record: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """A record as such a service takes it: columns as a list of records. What are none, it refuses by name."""
    return {name: _rows(value) if name in shape.tables else value for name, value in record.items()}


def _rows(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(column, list) for column in value.values()):
        return value
    if len({len(column) for column in value.values()}) > 1:
        return value
    return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]


def _columns(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return value
    names = dict.fromkeys(name for row in value for name in row)
    return {name: [row.get(name) for row in value] for name in names}


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    found: Mapping[str, Any] = schemas.get(reference.rpartition("/")[2], {}) if reference else schema
    return found


def _type_of(schema: Mapping[str, Any]) -> str | None:
    if schema.get("format") == TABLE:
        return FRAME
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind == "array" and schema.get("items", {}).get("type") == "array":
        return "matrix"
    return _TYPES.get(str(kind))


def result_of(answer: ServiceAnswer, shape: Shape) -> tuple[int, dict[str, Any]]:
    """The status and the Result for what such a service has answered."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = answer.body.decode(errors="replace")
    is_good = answer.status < 400
    error = ""
    if not is_good:
        error = value.get("message", "") if isinstance(value, dict) else str(value)
    elif shape.returns_table:
        value = _columns(value)
    return answer.status, {
        "success": is_good,
        "errorMessage": error or ("" if is_good else f"status {answer.status}"),
        "consoleOutput": "",
        "changedFiles": [],
        "outputFiles": {},
        "outputParameters": {one.name: value for one in shape.definition.outputs} if is_good else {},
    }
