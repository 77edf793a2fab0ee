"""What of a request gets in through the Functions door, and what of a response gets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import azure.functions as func
import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors.functions.messages import read_request, whole_body, write_response
from scoringhost.errors import BodyTooLarge, LengthRequired, RunFailed
from scoringhost.http.messages import HttpResponse
from scoringhost.http.observing import ObservedStream


def incoming(method: str = "POST", target: str = "/score", body: bytes = b"", **headers: str) -> func.HttpRequest:
    pairs = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, f"https://app.example.com{target}", headers=pairs, body=body)


# -- requests -------------------------------------------------------------------------------------


def test_a_request_is_read_from_its_url() -> None:
    request = read_request(incoming(target="/a%2Fb%20c?x=1&y=%20&x=", body=b"b", host="other:81"), 10, keyed=False)
    assert (request.path, request.query, request.body) == ("/a/b c", b"x=1&y=%20&x=", b"b")
    assert (request.scheme, request.host) == ("https", "other:81")


def test_without_a_host_header_the_host_is_that_of_the_url() -> None:
    assert read_request(incoming(), 10, keyed=False).host == "app.example.com"


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("/score?code=s&a=1", b"a=1"),
        ("/score?a=1&CODE=s", b"a=1"),
        ("/score?c%6Fde=s", b""),
        ("/score?a=1&code", b"a=1"),
        ("/score?codes=1&a=code", b"codes=1&a=code"),
        ("/score", b""),
    ],
)
def test_the_key_does_not_reach_the_script(target: str, query: bytes) -> None:
    request = read_request(incoming(target=target, x_functions_key="secret"), 10, keyed=True)
    assert request.query == query
    assert request.headers.get("x-functions-key") is None


def test_without_keys_an_argument_named_code_is_the_scripts() -> None:
    assert read_request(incoming(target="/score?code=7"), 10, keyed=False).query == b"code=7"


def test_a_body_over_the_limit_is_a_fault() -> None:
    request = read_request(incoming(body=b"x" * 11), 10, keyed=False)
    assert isinstance(request.fault, BodyTooLarge)
    assert request.body == b""
    assert read_request(incoming(body=b"x" * 10), 10, keyed=False).fault is None


def test_a_chunked_body_is_a_fault_as_the_host_has_lost_it() -> None:
    assert isinstance(read_request(incoming(transfer_encoding="Chunked"), 10, keyed=False).fault, LengthRequired)
    assert read_request(incoming(transfer_encoding="chunked", body=b"x"), 10, keyed=False).fault is None


# -- responses ------------------------------------------------------------------------------------


def test_a_header_that_repeats_is_joined_but_for_cookies() -> None:
    response = HttpResponse(200, [("X-A", "1"), ("Set-Cookie", "a=1"), ("x-a", "2"), ("Set-Cookie", "b=2")], b"xy")
    headers = write_response(response, "GET", b"xy").headers
    assert headers.getlist("X-A") == ["1, 2"]
    assert headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert headers.getlist("Content-Length") == ["2"]


@pytest.mark.parametrize(
    ("value", "sent"), [("plain\ttext", "plain\ttext"), ("grüße", "gr??e"), ("a\r\nb", "a  b"), ("\x7f€", "??")]
)
def test_a_header_is_ascii_and_one_line(value: str, sent: str) -> None:
    assert write_response(HttpResponse(200, [("X", value)]), "GET", b"").headers["X"] == sent


def test_a_length_of_the_scripts_own_is_replaced() -> None:
    answer = write_response(HttpResponse(200, [("content-length", "99")], b"xy"), "GET", b"xy")
    assert answer.headers.getlist("Content-Length") == ["2"]


def test_head_tells_the_length_of_the_body_that_it_leaves_out() -> None:
    answer = write_response(HttpResponse(200, [], b"body"), "HEAD", b"")
    assert (answer.get_body(), answer.headers["Content-Length"]) == (b"", "4")


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_a_body_has_no_length(status: int) -> None:
    assert "Content-Length" not in write_response(HttpResponse(status, []), "GET", b"").headers


async def pieces(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


def test_a_stream_is_sent_in_one_piece() -> None:
    response = HttpResponse(200, [("Content-Type", "text/plain")], pieces(b"one ", b"two"))
    assert asyncio.run(whole_body(response, "GET")) == b"one two"


def test_a_stream_that_breaks_becomes_its_error_and_keeps_its_ids() -> None:
    headers = [("Content-Type", "text/plain"), ("x-ms-run-function-failed", "False"), ("x-request-id", "mine")]
    stream = ObservedStream(pieces(b"one ", RunFailed()), OtherEndpoints({}), lambda size, is_whole: None)
    response = HttpResponse(200, headers, stream)
    body = asyncio.run(whole_body(response, "GET"))
    assert (response.status, b"scoring script" in body) == (500, True)
    assert dict(response.headers) == {
        "x-request-id": "mine",
        "Content-Type": "application/json",
        "x-ms-run-function-failed": "True",
    }
