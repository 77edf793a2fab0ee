"""What the dialect says: documents, reasons of failures, services of another kind; and where it listens."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from scoringhost.cli.hub_serving import of_mlserver
from scoringhost.errors import SettingsError
from scoringhost.hub.in_process_front import ServiceAnswer
from scoringhost.hub.mls.definition import Definition, Parameter
from scoringhost.hub.mls.foreign import handed_on, result_of, shape_of
from scoringhost.hub.mls.operations import MLS_OPERATIONS
from scoringhost.hub.mls.server import require_safe
from scoringhost.hub.mls.swagger import swagger_of
from scoringhost.hub.mls.words import reason_of
from scoringhost.runtimes.mls.wire_types import WIRE_TYPES
from scoringhost.settings import Settings


def test_the_document_is_swagger_and_has_all_types() -> None:
    parameters = tuple(Parameter(f"x{at}", name) for at, name in enumerate(WIRE_TYPES))
    document = swagger_of("s", "v1", Definition(operation_id="go", inputs=parameters, outputs=parameters, files=("a",)))
    files = document["paths"].pop("/api/s/v1/batch/{executionId}/{index}/files/{fileName}")
    OpenAPIV2SpecValidator(document).validate()  # which does not know the type `file` that Swagger has for answers
    assert files["get"]["responses"]["200"]["schema"] == {"type": "file"}
    assert document["paths"]["/api/s/v1"]["post"]["operationId"] == "go"
    inputs = document["definitions"]["InputParameters"]["properties"]
    assert [one["type"] for one in inputs.values()] == [
        "integer", "number", "string", "boolean", "array", "array", "object",
    ]  # fmt: skip


def test_a_reason_is_the_exception_without_places() -> None:
    frames = (
        'init() of /h/deployments/3/app/score.py raised\nTraceback (most recent call last):\n  File "x"\nKeyError: 1'
    )
    assert reason_of(frames) == "KeyError: 1"
    own = frames.replace("KeyError: 1", "scoringhost.errors.startup.ScriptUnservable: a.dill: it cannot be loaded")
    assert reason_of(own) == "a.dill: it cannot be loaded"
    assert reason_of("/h/deployments/3/app/score.py: nothing is there") == "score.py: nothing is there"


def test_what_was_deployed_in_another_way_is_described_by_its_document() -> None:
    schemas: dict[str, Any] = {
        "ServiceInput": {"properties": {
            "data": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            "count": {"type": ["integer", "null"]}, "other": {"$ref": "#/components/schemas/Other"},
            "not a name": {"type": "string"},
        }},
        "ServiceOutput": {"type": "array", "items": {"type": "number"}},
        "Other": {"type": "object"},
    }  # fmt: skip
    found = shape_of({"components": {"schemas": schemas}})
    assert [(one.name, one.type) for one in found.definition.inputs] == [
        ("data", "matrix"), ("count", "integer"), ("other", "data.frame"),
    ]  # fmt: skip
    assert found.definition.outputs == (Parameter("result", "vector"),)
    status, result = result_of(ServiceAnswer(200, b"[1.5]"), found)
    assert (status, result["success"], result["outputParameters"]) == (200, True, {"result": [1.5]})
    status, result = result_of(ServiceAnswer(500, b'{"message": "it broke"}'), found)
    assert (status, result["success"], result["errorMessage"]) == (500, False, "it broke")


def test_tables_of_such_a_service_are_columns_here_and_records_there() -> None:
    table = {"type": "array", "items": {"type": "object"}, "format": "pandas.DataFrame:records"}
    schemas = {"ServiceInput": {"properties": {"data": table, "count": {"type": "integer"}}}, "ServiceOutput": table}
    found = shape_of({"components": {"schemas": schemas}})
    assert [one.type for one in found.definition.inputs] == ["data.frame", "integer"]
    assert found.definition.outputs == (Parameter("result", "data.frame"),)
    handed = handed_on({"data": {"b": [1, 2], "a": ["x", None]}, "count": 2}, found)
    assert handed == {"data": [{"b": 1, "a": "x"}, {"b": 2, "a": None}], "count": 2}
    assert list(handed["data"][0]) == ["b", "a"]
    _, result = result_of(ServiceAnswer(200, b'[{"y": 1.5, "x": 1}, {"y": 2.5}]'), found)
    assert result["outputParameters"] == {"result": {"y": [1.5, 2.5], "x": [1, None]}}


@pytest.mark.parametrize("value", [{"a": [1], "b": []}, {"a": 1}, [{"a": 1}], None])
def test_what_is_no_table_is_handed_on_as_it_is(value: Any) -> None:
    table = {"type": "array", "format": "pandas.DataFrame:records"}
    found = shape_of({"components": {"schemas": {"ServiceInput": {"properties": {"data": table}}}}})
    assert handed_on({"data": value}, found) == {"data": value}


def test_each_operation_is_there_once() -> None:
    keys = [(one.method, one.path) for one in MLS_OPERATIONS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("settings", "is_safe"),
    [
        ({}, True),
        ({"mlserver_host": "::1"}, True),
        ({"mlserver_host": "0.0.0.0"}, False),
        ({"mlserver_host": "0.0.0.0", "tls_certificate": "a.pem"}, True),
        ({"mlserver_host": "0.0.0.0", "mlserver_insecure": True}, True),
    ],
)
def test_it_listens_elsewhere_only_with_tls_or_by_an_explicit_flag(settings: dict[str, Any], is_safe: bool) -> None:
    if is_safe:
        require_safe(Settings(**settings))
    else:
        with pytest.raises(SettingsError, match="in the clear"):
            require_safe(Settings(**settings))


def test_host_and_port_are_those_of_the_api_that_the_hub_is_started_for() -> None:
    found = of_mlserver({"host": ("--host", "::1"), "port": ("--port", 12801), "mlserver": ("--mlserver", True)})
    assert (found["mlserver_host"], found["mlserver_port"]) == (("--host", "::1"), ("--port", 12801))
    assert found["host"][1] == "127.0.0.1"
    assert len({found[name][1] for name in ("port", "control_port", "mlserver_port")}) == 3
