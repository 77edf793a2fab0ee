"""Generators: text as it is, objects as JSON lines, server-sent events to who asks for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]

EVENTS = [("Accept", "text/event-stream")]
WORDS = "one two grüße"


def test_a_generator_of_text_streams_the_text(serve: Serve, door: str) -> None:
    reply = serve("acts.py").post("words")
    assert (reply.status, reply.body.decode(), reply.whole) == (200, WORDS, True)
    assert reply.header("Content-Type") == "text/plain; charset=utf-8"
    assert reply.header("Content-Length") == (str(len(reply.body)) if door == "functions" else None)
    assert reply.header("x-ms-run-function-failed") == "False"


def test_a_generator_of_objects_streams_lines_of_json(serve: Serve) -> None:
    reply = serve("acts.py").post("rows")
    assert reply.header("Content-Type") == "application/x-ndjson"
    assert [json.loads(line) for line in reply.body.splitlines()] == [{"row": 1, "score": 0.5}, [None], {"row": 3}]


def test_a_generator_of_bytes_streams_the_bytes(serve: Serve) -> None:
    reply = serve("acts.py").post("chunks")
    assert (reply.body, reply.header("Content-Type")) == (b"\x00\x01\xff", "application/octet-stream")


def test_a_generator_without_items_is_an_empty_stream(serve: Serve) -> None:
    reply = serve("acts.py").post("nothing")
    assert (reply.status, reply.body, reply.whole) == (200, b"", True)


def test_who_accepts_events_gets_one_for_each_item(serve: Serve) -> None:
    reply = serve("acts.py").post("rows", EVENTS)
    assert reply.header("Content-Type") == "text/event-stream"
    assert reply.header("Cache-Control") == "no-cache"
    events = reply.body.decode().split("\n\n")
    assert events.pop() == ""
    assert [json.loads(event.removeprefix("data: ")) for event in events] == [
        {"row": 1, "score": 0.5},
        [None],
        {"row": 3},
    ]


def test_an_item_of_several_lines_is_one_event(serve: Serve) -> None:
    assert serve("acts.py").post("lines", EVENTS).body == b'data: first\ndata: second\n\ndata: {"last":true}\n\n'


# BUG: fails at the server's door for the same reason as the test of asyncio.run() in test_async.py.
def test_an_async_generator_that_a_plain_run_returns_is_streamed(serve: Serve) -> None:
    client = serve("acts.py")
    for _ in range(200):
        assert client.post("number").status == 200  # short calls: see test_async.py
    assert client.post("words in turn").body.decode() == WORDS


def test_an_async_generator_that_an_async_run_returns_is_streamed(serve: Serve) -> None:
    assert serve("async_acts.py").post("words").body.decode() == WORDS


def test_a_run_that_is_an_async_generator_is_streamed(serve: Serve) -> None:
    assert serve("async_generator.py").post("a b").body == b'{"word":"a"}\n{"word":"b"}\n'


def test_a_run_with_declared_input_may_be_a_generator(serve: Serve) -> None:
    assert serve("generator.py").score(count=2).body == b'{"number":0}\n{"number":1}\n'


@pytest.mark.parametrize("script", ["acts.py", "async_acts.py"])
def test_a_generator_that_fails_before_its_first_item_is_a_500(serve: Serve, script: str) -> None:
    reply = serve(script).post("fail at once", [("x-request-id", "mine")])
    assert (reply.status, reply.header("x-ms-run-function-failed")) == (500, "True")
    assert reply.header("x-request-id") == "mine"
    assert "scoring script" in reply.message


@pytest.mark.parametrize("script", ["acts.py", "async_acts.py"])
def test_a_generator_that_fails_later_is_visibly_cut_off(serve: Serve, door: str, script: str) -> None:
    client = serve(script)
    reply = client.post("fail after two", [("x-request-id", "mine")])
    if door == "functions":  # nothing has been sent yet
        assert (reply.status, reply.header("x-ms-run-function-failed")) == (500, "True")
        assert (reply.header("x-request-id"), reply.header("Content-Type")) == ("mine", "application/json")
    else:
        assert (reply.status, reply.body, reply.whole) == (200, b"one two ", False)
    assert client.post("words").whole


def test_a_generator_expression_is_no_stream_but_a_forgotten_list(serve: Serve) -> None:
    reply = serve("acts.py").post("generator expression")
    assert reply.status == 500
    assert "generator" in reply.message
