"""What a client sends: the same bytes whatever it is sent with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scoringhost.client.requests import Request
from scoringhost.client.wire import Target
from scoringhost.errors import ResultNotEncodable


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"\x89PNG", b"\x89PNG"),
        ("text", b"text"),
        ({"a": [1.5]}, b'{"a":[1.5]}'),
        (np.array([[1.0, 2.0]]), b"[[1.0,2.0]]"),
    ],
)
def test_bytes_and_text_are_sent_as_they_are_and_all_else_as_json(body: Any, content: bytes) -> None:
    assert Request.of("POST", "/score", body, {}).body == content


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(ResultNotEncodable):
        Request.of("POST", "/score", object(), {})


def test_headers_keep_their_order_and_their_spelling() -> None:
    given = {"X-b": "1", "x-A": "2"}
    assert Request.of("GET", "/", b"", given).headers == (("X-b", "1"), ("x-A", "2"))


def test_on_the_wire_it_names_the_host_and_the_length_of_a_body() -> None:
    target = Target("127.0.0.1", 80)
    assert target.on_wire(Request("GET", "/a?b=c")) == b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"
    posted = target.on_wire(Request("POST", "/score", (("Content-Type", "text/plain"),), b"ok"))
    head = b"POST /score HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
    assert posted == head + b"ok"
