"""Entry scripts written as the documentation of Azure ML shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]


def test_the_scikit_learn_script_with_a_numpy_sample_scores(serve: Serve) -> None:
    client = serve("aml_numpy.py")
    assert client.result(data=[[1] * 10, list(range(10))]) == {"output": [10, 45]}


def test_the_script_with_inputs_and_global_parameters_scores(serve: Serve) -> None:
    body = {
        "Inputs": {
            "input1": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
            "input2": [{"name": "Sarah", "age": 25}, {"name": "John", "age": 26}],
            "input3": 0.0,
        },
        "GlobalParameters": 2.0,
    }
    assert serve("aml_nested.py").post(json.dumps(body)).json() == {"Results": [110, 51]}


def test_the_script_with_capital_parameters_names_them_in_its_errors(serve: Serve) -> None:
    reply = serve("aml_nested.py").score(Inputs={})
    assert reply.status == 400
    assert "'GlobalParameters'" in reply.message


def test_the_script_for_images_takes_a_file_and_answers_the_path(serve: Serve) -> None:
    client = serve("aml_binary.py")
    body = b'--cut\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n\xff\xd8\xff\r\n--cut--\r\n'
    reply = client.post(body, [("Content-Type", "multipart/form-data; boundary=cut")])
    assert (reply.status, reply.body) == (200, b"3")
    assert client.get("/score?a=b").body == b"/score?a=b"


def test_the_script_for_images_chooses_its_errors(serve: Serve) -> None:
    reply = serve("aml_binary.py").send("OPTIONS", "/score", [], b"")
    assert (reply.status, reply.body, reply.header("x-ms-run-function-failed")) == (500, b"bad request", "True")


def test_the_script_with_cors_headers_answers_a_preflight(serve: Serve) -> None:
    client = serve("own_cors.py")
    reply = client.send("OPTIONS", "/score", [("Origin", "http://www.example.com")], b"")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.header("Access-Control-Allow-Origin") == "http://www.example.com"
    assert reply.header("Access-Control-Allow-Methods") == "OPTIONS, GET, POST"
    assert reply.header("Access-Control-Allow-Headers") == "*"


def test_the_script_that_parses_text_itself_scores(serve: Serve) -> None:
    assert serve("aml_text.py").post('{"data": [[1, 2], [3, 4]]}').json() == [21, 43]


def test_the_script_that_catches_every_exception_answers_its_text(serve: Serve) -> None:
    reply = serve("aml_text.py").post('{"wrong": []}')
    assert (reply.status, reply.json()) == (200, "'data'")
