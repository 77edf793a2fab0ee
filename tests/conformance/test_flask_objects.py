"""flask.request, g, session and current_app in a run() that is not under @rawhttp."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]
PLAIN = [("Content-Type", "text/plain"), ("X-Mine", "header")]


def test_run_finds_the_request_and_what_is_kept_for_it(serve: Serve) -> None:
    client = serve("flask_objects.py")
    for data in ("one", "two"):  # BUG: a flask that run() imports itself was outside of any request the first time
        reply = client.send("POST", "/score?a=b", PLAIN, data.encode())
        assert reply.json() == [True, "/score", "b", 0, "score", data, "scoringhost", data]


@pytest.mark.parametrize("body", ["stream", "with context"])
def test_so_do_the_steps_of_a_stream(serve: Serve, body: str) -> None:
    # BUG: "Working outside of request context" at the second piece
    for _ in range(2):
        reply = serve("flask_objects.py").post(body, PLAIN)
        assert (reply.status, reply.body.decode(), reply.whole) == (200, f"POST header {body}", True)


def test_an_abort_is_what_it_says(serve: Serve) -> None:
    assert serve("flask_objects.py").post("abort", PLAIN).status == 418


def test_an_async_run_finds_them_after_it_has_waited(serve: Serve) -> None:
    assert serve("flask_objects_async.py").post("data", PLAIN).json() == ["POST", "data", "scoringhost"]


def test_so_do_the_steps_of_its_stream(serve: Serve) -> None:
    reply = serve("flask_objects_async.py").post("stream", PLAIN)
    assert (reply.body.decode(), reply.whole) == ("header stream", True)
