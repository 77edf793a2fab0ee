"""The API documents: valid in every version, with an example that the service accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from openapi_spec_validator import validate

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]

DECORATED = ["arrays.py", "frames.py", "standard.py", "untouched.py", "aml_nested.py", "gaps.py"]
VERSIONS = {"": "2.0", "?version=2": "2.0", "?version=3": "3.0.3", "?version=3.1": "3.1.0"}


def document(client: Client, query: str) -> Any:
    reply = client.get(f"/swagger.json{query}")
    assert (reply.status, reply.header("Content-Type")) == (200, "application/json"), reply.body
    return reply.json()


def input_schema(found: Any) -> Any:
    return (found.get("definitions") or found["components"]["schemas"])["ServiceInput"]


@pytest.mark.parametrize("query", VERSIONS)
@pytest.mark.parametrize("script", ["text.py", *DECORATED])
def test_every_document_is_valid_and_of_the_version_asked_for(serve: Serve, script: str, query: str) -> None:
    found = document(serve(script), query)
    validate(found)
    assert (found.get("swagger") or found["openapi"]) == VERSIONS[query]


@pytest.mark.parametrize("query", VERSIONS)
@pytest.mark.parametrize("script", DECORATED)
def test_the_example_of_a_document_is_accepted(serve: Serve, script: str, query: str) -> None:
    client = serve(script)
    example = input_schema(document(client, query))["example"]
    reply = client.post(json.dumps(example))
    assert reply.status == 200, reply.body


# BUG: a column whose sample ends in a missing value was an "object", and the example did not fit the schema.
@pytest.mark.parametrize("query", VERSIONS)
@pytest.mark.parametrize("script", DECORATED)
def test_the_example_of_a_document_fits_its_own_schema(serve: Serve, script: str, query: str) -> None:
    schema = input_schema(document(serve(script), query))
    jsonschema.validate(schema["example"], schema)


# BUG: without @output_schema the document promised an object, whatever came back.
@pytest.mark.parametrize("query", VERSIONS)
def test_a_result_that_nobody_declares_fits_the_document(serve: Serve, query: str) -> None:
    client = serve("gaps.py")
    found = document(client, query)
    result = client.post(json.dumps(input_schema(found)["example"])).json()
    assert result == [2.0, 2.0]
    jsonschema.validate(result, (found.get("definitions") or found["components"]["schemas"])["ServiceOutput"])


# BUG: a run() that yields was said to answer one JSON value, of the type of its items.
@pytest.mark.parametrize("query", VERSIONS)
@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        ("typed_stream.py", ["application/x-ndjson", "text/event-stream"]),
        ("generator.py", ["application/x-ndjson", "text/event-stream", "text/plain"]),
        ("async_generator.py", ["application/x-ndjson", "text/event-stream", "text/plain"]),
    ],
)
def test_a_stream_is_said_to_be_one(serve: Serve, script: str, kinds: list[str], query: str) -> None:
    found = document(serve(script), query)
    validate(found)
    score = found["paths"]["/score"]["post"]
    assert sorted(score.get("produces") or score["responses"]["200"]["content"]) == kinds
    assert "one after the other" in score["responses"]["200"]["description"]


@pytest.mark.parametrize("query", VERSIONS)
def test_the_document_says_what_the_docstring_of_run_says(serve: Serve, query: str) -> None:
    score = document(serve("gaps.py"), query)["paths"]["/score"]["post"]
    assert score["description"] == "Weigh people.\n\nGives one number a row."
    assert score["summary"] == "Weigh people."


# BUG: a Bearer key was declared that nobody asks for, so generated clients would not call without one.
@pytest.mark.parametrize("query", VERSIONS)
def test_no_key_is_declared_that_nobody_asks_for(serve: Serve, query: str) -> None:
    text = json.dumps(document(serve("arrays.py"), query))
    assert [word for word in ("Bearer", "security", "Authorization") if word in text] == []


@pytest.mark.parametrize("query", ["?version=2", "?version=3.1"])
def test_a_key_that_is_asked_for_is_declared(serve: Serve, door: str, query: str) -> None:
    if door == "front":
        pytest.skip(
            "here the replica is a server without a key; a fleet's is told of the front's: test_replica_settings.py"
        )
    found = document(serve("text.py", primary_key="a-key-that-nobody-can-guess-0123456789", open_docs=True), query)
    validate(found)
    assert found["paths"]["/score"]["post"]["security"] == [{"Bearer": []}]
    assert "security" not in found


@pytest.mark.parametrize("query", VERSIONS)
def test_the_document_can_be_the_one_of_azmlinfsrv(serve: Serve, query: str) -> None:
    found = document(serve("text.py", document_as_azmlinfsrv=True), query)
    validate(found)
    assert found["paths"]["/score"]["post"]["security"] == [{"Bearer": []}]
    assert input_schema(found) == {"type": "object", "example": {}}


def test_an_unknown_version_is_a_404_that_names_those_there_are(serve: Serve) -> None:
    reply = serve("arrays.py").get("/swagger.json?version=4")
    assert reply.status == 404
    assert "'4'" in reply.message
    assert "2, 3, 3.1" in reply.message


def test_name_version_and_prefix_are_the_services(serve: Serve) -> None:
    found = document(
        serve("arrays.py", SERVICE_NAME='my "service"', SERVICE_VERSION="7.1", SERVICE_PATH_PREFIX="/a/b"), "?version=3"
    )
    assert (found["info"]["title"], found["info"]["version"]) == ('my "service"', "7.1")
    assert sorted(found["paths"]) == ["/a/b/", "/a/b/score", "/a/b/swagger.json"]


def test_the_users_own_documents_are_sent_instead(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("own")
    (folder / "swagger2.json").write_text('{"swagger": "2.0", "x-own": "grüße"}', encoding="utf-8")
    (folder / "swagger3.json").write_text('{"openapi": "3.0.0", "x-own": 3}', encoding="utf-8")
    client = serve("arrays.py", app_root=folder)
    assert document(client, "") == {"swagger": "2.0", "x-own": "grüße"}
    assert document(client, "?version=3") == {"openapi": "3.0.0", "x-own": 3}
    assert document(client, "?version=3.1")["openapi"] == "3.1.0"


def test_an_own_document_that_is_broken_is_left_out(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("broken")
    (folder / "swagger2.json").write_text("{", encoding="utf-8")
    assert document(serve("arrays.py", app_root=folder), "")["swagger"] == "2.0"
