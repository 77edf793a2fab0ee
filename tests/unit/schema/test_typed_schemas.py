"""The API document of a typed script: valid in each version, and true of its own sample."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from scoringhost.schema.openapi import OpenApiVersion, ServiceInfo, document
from scoringhost.schema.openapi_dialects import said_in

V2, V3, V31 = OpenApiVersion.V2, OpenApiVersion.V3, OpenApiVersion.V31
VALIDATORS = {V2: OpenAPIV2SpecValidator, V3: OpenAPIV30SpecValidator, V31: OpenAPIV31SpecValidator}

SCRIPT = """
import datetime, enum
from dataclasses import dataclass, field
from typing import Annotated, Literal
import numpy as np, pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, Field
import scoringhost

class Port(enum.Enum):
    SOUTH = "S"

@dataclass
class Passenger:
    age: Annotated[int, Field(ge=0, lt=150, examples=[30])]
    fare: float | None = None
    port: Port = Port.SOUTH
    kind: Literal["adult"] = "adult"
    seat: tuple[int, str] = (1, "a")
    born: datetime.date | None = None
    ticket: int | str = 5

class Node(BaseModel):
    name: str = "n"
    parts: list["Node"] = []
    more: dict[str, float] = {}

class Answer(BaseModel):
    label: str = Field(alias="Label", examples=["yes"])
    score: float = Field(gt=0)

@scoringhost.typed
def run(
    rows: list[Passenger], image: bytes = b"", weights: NDArray[np.float32] | None = None,
    table: Annotated[pd.DataFrame, Field(examples=[[{"a": 1}]])] = None,
    tree: Node = Node(), lone: Passenger | None = None,
) -> dict[str, list[Answer]]:
    return {}
"""


@pytest.fixture
def documents(serving: Callable[..., Any]) -> dict[OpenApiVersion, Any]:
    schemas = serving(SCRIPT).service.declarations.schemas
    made = {}
    for version in schemas.versions:
        said = schemas.said_in(version)
        made[version] = document(version, ServiceInfo("n", "1"), said.input, said.output, said.definitions)
    return {version: json.loads(json.dumps(one)) for version, one in made.items()}


@pytest.mark.parametrize("version", OpenApiVersion)
def test_the_document_is_valid(documents: dict[OpenApiVersion, Any], version: OpenApiVersion) -> None:
    VALIDATORS[version](copy.deepcopy(documents[version])).validate()


@pytest.mark.parametrize("version", OpenApiVersion)
def test_the_sample_fits_its_schema(documents: dict[OpenApiVersion, Any], version: OpenApiVersion) -> None:
    found = documents[version]
    schemas = found["definitions"] if version is V2 else found["components"]["schemas"]
    sample = schemas["ServiceInput"]["example"]
    assert sample["rows"] == [{"age": 30, "port": "S", "kind": "adult", "seat": [1, "a"], "ticket": 5}]
    reference = "#/definitions/ServiceInput" if version is V2 else "#/components/schemas/ServiceInput"
    validator = jsonschema.Draft202012Validator if version is V31 else jsonschema.Draft4Validator
    validator({**found, "$ref": reference} if version is V31 else {"allOf": [{"$ref": reference}], **found}).validate(
        sample
    )


def test_classes_have_names_and_fields_have_those_that_json_has(documents: dict[OpenApiVersion, Any]) -> None:
    schemas = documents[V31]["components"]["schemas"]
    assert schemas["ServiceInput"]["properties"]["rows"]["items"] == {"$ref": "#/components/schemas/Passenger"}
    assert schemas["ServiceInput"]["required"] == ["rows"]
    assert schemas["Answer"]["required"] == ["Label", "score"]
    assert schemas["Node"]["properties"]["parts"]["items"] == {"$ref": "#/components/schemas/Node"}


@pytest.mark.parametrize(
    ("schema", "in_3", "in_2"),
    [
        ({"exclusiveMinimum": 0}, *2 * [{"minimum": 0, "exclusiveMinimum": True}]),
        ({"const": "a", "type": "string"}, *2 * [{"enum": ["a"], "type": "string"}]),
        ({"type": "string", "examples": ["a", "b"]}, *2 * [{"type": "string", "example": "a"}]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
         {"type": "string", "nullable": True, "default": None}, {"type": "string", "x-nullable": True}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]},
         {"anyOf": [{"type": "string"}, {"type": "integer"}]}, {}),
        ({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]},
         {"allOf": [{"$ref": "#/components/schemas/A"}], "nullable": True}, {"$ref": "#/definitions/A"}),
        ({"type": "array", "prefixItems": [{"type": "string"}], "minItems": 1},
         *2 * [{"type": "array", "items": {}, "minItems": 1}]),
        ({"additionalProperties": {"const": 1}}, *2 * [{"additionalProperties": {"enum": [1]}}]),
    ],
)  # fmt: skip
def test_older_documents_say_what_they_have_words_for(schema: Any, in_3: Any, in_2: Any) -> None:
    before = copy.deepcopy(schema)
    assert (said_in(V31, schema), said_in(V3, schema), said_in(V2, schema)) == (before, in_3, in_2)
    assert schema == before
