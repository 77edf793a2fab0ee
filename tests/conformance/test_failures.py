"""A run() that fails: a 500 with the request's id, and the worker lives on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client
    from tests.conftest import Reply

Serve = Callable[..., "Client"]

ID = [("x-request-id", "mine")]


def assert_failed(reply: Reply, status: int = 500) -> None:
    assert (reply.status, reply.header("Content-Type")) == (status, "application/json"), reply.body
    assert reply.header("x-ms-run-function-failed") == "True"
    assert reply.header("x-request-id") == "mine"


@pytest.mark.parametrize("act", ["fail", "fail within", "fail unspeakably", "leave", "press ctrl-c", "unknown act"])
def test_whatever_run_raises_is_a_500_that_gives_nothing_away(serve: Serve, act: str) -> None:
    reply = serve("acts.py").post(act, ID)
    assert_failed(reply)
    assert list(reply.json()) == ["message"]
    assert reply.message == "An unexpected error occurred in scoring script. Check the logs for more info."


@pytest.mark.parametrize("act", ["fail", "leave", "press ctrl-c"])
def test_after_a_failure_the_next_request_is_served(serve: Serve, act: str) -> None:
    client = serve("acts.py")
    client.post(act)
    assert client.post("number").json() == 1.5


def test_in_debug_mode_the_reply_holds_the_users_traceback(serve: Serve) -> None:
    reply = serve("acts.py", debug=True).post("fail", ID)
    assert_failed(reply)
    traceback = reply.json()["traceback"]
    assert traceback.endswith("ValueError: a secret of the model")
    assert "acts.py" in traceback
    assert "scoringhost/kernel" not in traceback


def test_in_debug_mode_the_reply_holds_the_causes_too(serve: Serve) -> None:
    traceback = serve("acts.py", debug=True).post("fail within").json()["traceback"]
    assert "ValueError: a secret of the model" in traceback
    assert traceback.endswith("LookupError: no such row")


def test_in_debug_mode_an_exception_without_words_is_named(serve: Serve) -> None:
    assert "Unspeakable" in serve("acts.py", debug=True).post("fail unspeakably").json()["traceback"]


def test_an_http_error_that_run_raises_is_the_answer(serve: Serve) -> None:
    reply = serve("acts.py").post("refuse", ID)
    assert (reply.status, reply.message) == (422, "the image is too dark")
    assert reply.header("x-ms-run-function-failed") == "False"
    assert reply.header("Content-Type") == "application/json"


def test_a_timeout_of_the_scripts_own_is_an_ordinary_failure(serve: Serve) -> None:
    reply = serve("acts.py").post("own timeout", ID)
    assert_failed(reply)
    assert "Scoring timeout" not in reply.message


@pytest.mark.parametrize("act", ["fail", "leave"])
def test_whatever_an_async_run_raises_is_a_500_and_the_next_request_is_served(serve: Serve, act: str) -> None:
    client = serve("async_acts.py")
    assert_failed(client.post(act, ID))
    assert client.post("answer").json() == {"answer": 42}


def test_an_http_error_that_an_async_run_raises_is_the_answer(serve: Serve) -> None:
    reply = serve("async_acts.py").post("refuse")
    assert (reply.status, reply.message) == (422, "the image is too dark")
