"""Typed scripts: the annotations of run() hold at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]
JSON = [("Content-Type", "application/json")]


def test_a_body_is_decoded_and_the_answer_encoded_by_annotations(serve: Serve) -> None:
    reply = serve("typed.py").send("POST", "/score", JSON, b'{"rows": [{"age": 3}], "weights": [0.5, 0.25]}')
    assert (reply.status, reply.json()) == (200, [{"Age": 3, "likely": 0.75}])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"rows": [{"age": 3}, {"age": "x"}]}', "parameter 'rows[1].age': expected an integer, got str ('x')"),
        (b'{"rows": [{"age": -1}]}', "parameter 'rows[0].age': expected greater than or equal to 0, got int (-1)"),
        (b'{"rows": [], "atc": 1}', "run() takes no parameter 'atc', but rows, act, weights; is 'act' meant?"),
        (b"{}", "A value is not provided for the 'rows' parameter; run() takes rows, act, weights"),
        (b'[{"age": 3}]', "POST body should be a JSON object, not an array"),
    ],
)
def test_a_body_that_does_not_fit_is_a_400_that_says_where(serve: Serve, body: bytes, message: str) -> None:
    reply = serve("typed.py").send("POST", "/score", JSON, body)
    assert (reply.status, reply.message) == (400, message)
    assert reply.header("x-ms-run-function-failed") == "False"


def test_a_result_of_another_type_is_the_scripts_fault(serve: Serve) -> None:
    reply = serve("typed.py").send("POST", "/score", JSON, b'{"rows": [], "act": "wrong"}')
    assert (reply.status, reply.header("x-ms-run-function-failed")) == (500, "True")
    assert reply.message.startswith("The result of run() is not what its annotation says: expected an integer, got str")


def test_other_answers(serve: Serve) -> None:
    client = serve("typed.py")
    reply = client.send("POST", "/score", JSON, b'{"rows": [], "act": "refuse"}')
    assert (reply.status, reply.body) == (422, b"not this one")
    assert client.send("POST", "/score", JSON, b'{"rows": [], "act": "none"}').body == b"null"
    headers = [*JSON, ("X-Likely", "0.5")]
    assert client.send("POST", "/score", headers, b'{"rows": [], "act": "headers"}').json() == [
        {"Age": 1, "likely": 0.5}
    ]


def test_a_query_is_decoded_as_a_body_is(serve: Serve) -> None:
    assert serve("typed.py").send("GET", "/score?rows=[{%22age%22:3}]", [], b"").json() == [{"Age": 3, "likely": 1.0}]


def test_the_sample_of_the_document_is_answered(serve: Serve) -> None:
    client = serve("typed.py")
    schemas = client.send("GET", "/swagger.json?version=3.1", [], b"").json()["components"]["schemas"]
    assert schemas["ServiceInput"]["example"] == {"rows": [{"age": 30}], "act": "score"}
    assert schemas["Answer"]["required"] == ["Age", "likely"]
    assert client.send("POST", "/score", JSON, b'{"rows": [{"age": 30}], "act": "score"}').status == 200


def test_a_stream_is_sent_as_lines(serve: Serve) -> None:
    reply = serve("typed_stream.py").send("POST", "/score", JSON, b'{"words": ["one", "three"]}')
    assert (reply.status, reply.body) == (200, b'{"one":3}\n{"three":5}\n')
    assert serve("typed_stream.py").send("POST", "/score", JSON, b'{"words": ["a"], "wrong": true}').status == 500
