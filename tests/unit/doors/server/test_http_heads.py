"""Heads of messages: targets, requests that httptools refuses, and the heads of responses."""

from __future__ import annotations

import pytest

from scoringhost.doors.server.http_heads import render_head, split_target, understood, well_formed
from scoringhost.http.messages import HttpResponse


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/score", "/score", b""),
        (b"/score?a=%20b&c", "/score", b"a=%20b&c"),
        (b"/caf%C3%A9", "/café", b""),
        (b"/score?a#part", "/score", b"a"),
        (b"http://host:81/score?a", "/score", b"a"),
        (b"http://host", "/", b""),
        (b"/score?to=http://host/x", "/score", b"to=http://host/x"),
    ],
)
def test_a_target_is_a_decoded_path_and_a_raw_query(target: bytes, path: str, query: bytes) -> None:
    assert split_target(target) == (path, query)


def test_a_method_that_the_parser_does_not_know_is_a_request_with_its_headers() -> None:
    request = understood(b"BREW /score?x HTTP/1.1\r\nHost: h\r\nX-Request-Id:  mine \r\n\r\n", "invalid method")
    assert (request.method, request.path, request.query, request.fault) == ("BREW", "/score", b"x", None)
    assert (request.headers["host"], request.headers["x-request-id"]) == ("h", "mine")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x16\x03\x01 a TLS hello",
        b"BREW /score HTTP/2.0\r\n\r\n",
        b"BREW /score HTTP/1.1\r\nno colon\r\n\r\n",
        b"BREW /score HTTP/1.1\r\nHost: h\r\n",
        b"BREW score HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_none_and_a_fault_that_says_why(head: bytes) -> None:
    assert well_formed(head) is None
    assert "the parser's words" in str(understood(head, "the parser's words").fault)


def test_a_known_method_that_was_refused_all_the_same_is_a_fault() -> None:
    assert understood(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "the parser's words").fault is not None


def test_a_head_is_a_status_line_the_headers_and_the_framing() -> None:
    response = HttpResponse(404, [("Content-Type", "text/plain")])
    assert render_head(response, "Content-Length: 0\r\n", b"Server: s\r\n") == (
        b"HTTP/1.1 404 Not Found\r\nServer: s\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
    )


def test_a_status_without_a_name_has_none() -> None:
    assert render_head(HttpResponse(299, []), "") == b"HTTP/1.1 299 \r\n\r\n"


def test_no_value_of_a_script_can_add_a_header() -> None:
    response = HttpResponse(200, [("X", "a\r\nEvil: b\nc")], foreign=True)
    assert render_head(response, "") == b"HTTP/1.1 200 OK\r\nX: a  Evil: b c\r\n\r\n"
