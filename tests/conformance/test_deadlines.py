"""The scoring timeout: a 504 at the limit, and the next request is served."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]

LIMIT_MS = 300


@pytest.mark.parametrize("act", ["sleep", "sleep patiently", "compute"])
def test_a_run_over_the_limit_is_a_504_at_the_limit(serve: Serve, act: str) -> None:
    client = serve("acts.py", scoring_timeout_ms=LIMIT_MS)
    started_s = time.monotonic()
    reply = client.post(act, [("x-request-id", "mine")])
    assert (reply.status, reply.message) == (504, f"Scoring timeout after {LIMIT_MS} ms")
    assert reply.header("x-ms-run-function-failed") == "True"
    assert reply.header("x-request-id") == "mine"
    assert time.monotonic() - started_s < 5
    assert client.post("number").json() == 1.5


def test_an_async_run_over_the_limit_is_a_504_and_the_next_request_is_served(serve: Serve) -> None:
    client = serve("async_acts.py", scoring_timeout_ms=LIMIT_MS)
    reply = client.post("sleep")
    assert (reply.status, reply.message) == (504, f"Scoring timeout after {LIMIT_MS} ms")
    assert client.post("answer").json() == {"answer": 42}


@pytest.mark.parametrize("script", ["acts.py", "async_acts.py"])
def test_a_stream_over_the_limit_is_cut_off(serve: Serve, door: str, script: str) -> None:
    client = serve(script, scoring_timeout_ms=LIMIT_MS)
    reply = client.post("pause within")
    if door == "functions":  # nothing has been sent yet
        assert (reply.status, reply.message) == (504, f"Scoring timeout after {LIMIT_MS} ms")
    else:
        assert (reply.status, reply.body, reply.whole) == (200, b"one ", False)
    assert client.post("number" if script == "acts.py" else "answer").status == 200


def test_zero_is_no_limit(serve: Serve) -> None:
    assert serve("acts.py", scoring_timeout_ms=0).post("sleep patiently").json() == "awake"


# -- the caller's own -------------------------------------------------------------------------------


def within(milliseconds: object) -> list[tuple[str, str]]:
    return [("X-Request-Timeout-Ms", str(milliseconds)), ("Content-Type", "application/json")]


@pytest.mark.parametrize(
    ("script", "act"), [("acts.py", "sleep patiently"), ("acts.py", "compute"), ("async_acts.py", "sleep")]
)
def test_a_run_over_its_callers_time_is_a_504_that_is_not_the_scripts_fault(
    serve: Serve, script: str, act: str
) -> None:
    client = serve(script)
    reply = client.post(act, within(200))
    assert reply.status == 504
    assert reply.message == "The 200 ms that the caller waits for an answer are over; run() was broken off"
    assert reply.header("x-ms-run-function-failed") == "False"
    assert client.post("number" if script == "acts.py" else "answer", within(30_000)).status == 200


def test_the_shorter_of_the_two_times_counts(serve: Serve) -> None:
    client = serve("acts.py", scoring_timeout_ms=LIMIT_MS)
    assert client.post("compute", within(60_000)).message == f"Scoring timeout after {LIMIT_MS} ms"


def test_a_caller_that_does_not_wait_at_all_never_reaches_run(serve: Serve) -> None:
    reply = serve("acts.py").post("number", within(0))
    assert reply.status == 504
    assert reply.message.endswith("run() was not begun")


def test_a_time_that_is_none_is_refused_by_name(serve: Serve) -> None:
    reply = serve("acts.py").post("number", within("soon"))
    assert (reply.status, reply.message) == (
        400,
        "header x-request-timeout-ms: expected a whole number of milliseconds, got 'soon'",
    )
