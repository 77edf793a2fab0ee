"""Kafka's messages as requests, and responses as messages."""

import json

import pytest

from scoringhost.doors.kafka.messages import Answer, Incoming, answer_headers, headers_of
from scoringhost.errors import InvalidHeader, UndecodableBody


def incoming(value=b"{}", key=None, **headers):
    pairs = [(name.replace("_", "-"), text.encode()) for name, text in headers.items()]
    return Incoming(value, key, headers_of(pairs), "in[0]@5")


def test_a_message_that_names_no_model_is_for_the_only_one():
    request = incoming(b'{"inputs": []}').request("wine")
    assert (request.method, request.path, request.body) == ("POST", "/v2/models/wine/infer", b'{"inputs": []}')
    assert request.headers["content-type"] == "application/json"
    assert request.client == "in[0]@5"
    assert request.admitted
    assert request.fault is None


def test_the_headers_name_model_and_version():
    request = incoming(mlserver_model="a b/c", mlserver_version="2", mlserver_method="infer").request("wine")
    assert request.path == "/v2/models/a%20b%2Fc/versions/2/infer"


def test_the_key_is_the_id_of_the_request_unless_a_header_has_one():
    assert incoming(key=b"k1").request("m").headers["x-request-id"] == "k1"
    assert incoming(key=b"k1", x_request_id="mine").request("m").headers["x-request-id"] == "mine"


@pytest.mark.parametrize("key", [b"\xff", b"a\nb", b"", None], ids=["no text", "a line feed", "empty", "none"])
def test_a_key_that_no_header_can_hold_is_no_id(key):
    assert "x-request-id" not in incoming(key=key).request("m").headers


def test_another_method_than_infer_is_refused():
    fault = incoming(mlserver_method="train").request("m").fault
    assert isinstance(fault, InvalidHeader)
    assert str(fault) == "header mlserver-method: expected 'infer', got 'train'"


@pytest.mark.parametrize("value", [None, b""], ids=["a tombstone", "empty"])
def test_a_message_without_a_value_is_refused(value):
    assert isinstance(incoming(value).request("m").fault, UndecodableBody)


def test_headers_that_are_about_http_are_left_out_either_way():
    assert headers_of([("Content-Length", b"5"), ("Trace", b"\xc3\xa9"), ("empty", None)]) == {
        "trace": "é",
        "empty": "",
    }
    assert answer_headers(200, [("Content-Length", "5"), ("X-A", "é")]) == [
        ("scoringhost-status", b"200"),
        ("x-a", "é".encode()),
    ]


def test_an_answer_has_the_key_of_its_message_or_else_its_own_id():
    assert incoming(key=b"\xff").key_of_answer(b'{"id": "x"}') == b"\xff"
    assert incoming().key_of_answer(b'{"id": "x"}') == b"x"
    assert incoming().key_of_answer(b"[]") is None


def test_an_answer_that_is_too_large_becomes_an_error():
    error = Answer("out", b"k", b"x" * 9, []).too_large("errors")
    assert (error.topic, error.key, error.is_last_resort) == ("errors", b"k", True)
    assert "9 bytes" in json.loads(error.value)["error"]
    assert dict(error.headers)["scoringhost-status"] == b"413"
