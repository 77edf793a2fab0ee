"""What a service that is none of MLflow's is sent."""

from __future__ import annotations

from typing import Any

import pytest

from scoringhost.mlflow_plugin.scripts_inputs import body_of

SPLIT = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}


def described(**properties: Any) -> dict[str, Any]:
    """An API document of a service that takes these."""
    schema = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceInput"}}}
    return {
        "paths": {"/score": {"post": {"requestBody": {"content": content}}}},
        "components": {"schemas": {"ServiceInput": schema}},
    }


ROWS = {"type": "array", "items": {"type": "array"}}
RECORDS = {"type": "array", "items": {"type": "object", "properties": {"a": {}, "b": {}}}}


@pytest.mark.parametrize(
    ("document", "schema", "body"),
    [
        (SPLIT, {"rows": ROWS}, {"rows": [[1, 2]]}),
        (SPLIT, {"table": RECORDS}, {"table": [{"a": 1, "b": 2}]}),
        ({"dataframe_records": [{"a": 1, "b": 2}]}, {"rows": ROWS}, {"rows": [[1, 2]]}),
        ({"dataframe_records": [{"a": 1, "b": 2}]}, {"table": RECORDS}, {"table": [{"a": 1, "b": 2}]}),
        ({"inputs": [[1, 2]]}, {"rows": ROWS}, {"rows": [[1, 2]]}),
        ({"inputs": {"rows": [[1]]}}, {"rows": ROWS, "method": {}}, {"rows": [[1]]}),
        ({"inputs": {"x": 1}}, {"anything": {}}, {"anything": {"x": 1}}),
        ({"inputs": [[1]], "params": {"method": "predict"}}, {"rows": ROWS}, {"rows": [[1]], "method": "predict"}),
        ({"messages": []}, {"rows": ROWS}, {"messages": []}),
    ],
)
def test_parameters_are_called_as_the_document_of_the_service_says(document: Any, schema: Any, body: Any) -> None:
    assert body_of(document, described(**schema)) == body


@pytest.mark.parametrize("nothing", [{}, None, [], {"paths": {"/score": 3}}, described()])
def test_a_service_that_says_nothing_gets_the_bare_value(nothing: Any) -> None:
    assert body_of({"inputs": {"data": [1]}}, nothing) == {"data": [1]}
    assert body_of(SPLIT, nothing) == [[1, 2]]
