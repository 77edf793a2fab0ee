"""The document of the control API."""

from openapi_spec_validator import validate

from scoringhost.hub.control.openapi import document
from scoringhost.hub.control.operations import OPERATIONS


def test_it_is_a_document_of_openapi_with_every_operation() -> None:
    made = document()
    validate(made)
    named = [one["operationId"] for path in made["paths"].values() for one in path.values()]
    assert sorted(named) == sorted(one.name for one in OPERATIONS)
    assert len(set(named)) == len(named)
