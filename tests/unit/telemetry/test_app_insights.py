"""Application Insights: what a request's span has for queries that were written for azmlinfsrv."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span

from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import read_ids
from scoringhost.http.routes import Endpoint, Match
from scoringhost.telemetry.app_insights import BINARY, LONGEST, RequestProperties


def properties(body: Any, *, with_responses: bool = True, logged: bool = True) -> dict[str, object]:
    """What the span of a request has afterwards."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("POST /score")
    request = HttpRequest("POST", "/score")
    request.headers["x-ms-client-request-id"] = "mine"
    request.ids = read_ids(request.headers)
    request.match = Match(None, Endpoint({}, logged=logged), "/score")  # type: ignore[arg-type]
    with use_span(span):
        RequestProperties("cats", with_responses=with_responses).sent(
            request,
            HttpResponse(200, [], body),
            1.0,
            1,
            True,
        )
    return dict(span.attributes)  # type: ignore[attr-defined]


def test_a_request_has_the_properties_that_azmlinfsrv_sends() -> None:
    found = properties(b'{"a": 1}')
    assert found.pop("Container Id")
    assert found.pop("Request Id")
    assert found == {"Client Request Id": "mine", "Service Name": "cats", "Response Value": '{"a": 1}'}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        ("käse".encode(), "käse"),
        (b"\xff\xfe", BINARY),
        (b"\x89PNG\0\0", BINARY),
        (b"x" * (LONGEST + 1), "x" * LONGEST),
        (("ä" * 3 * LONGEST).encode(), "ä" * LONGEST),
        (b"x" + ("\U0001f408" * 2 * LONGEST).encode(), "x" + "\U0001f408" * (LONGEST - 1)),
    ],
    ids=["empty", "text", "not text", "an image", "too long", "two bytes each", "cut in a character"],
)
def test_an_answer_is_sent_as_text_up_to_what_is_kept_of_it(body: bytes, text: str) -> None:
    assert properties(body)["Response Value"] == text


def test_an_answer_is_not_sent_if_it_must_not_be_or_is_a_stream() -> None:
    assert "Response Value" not in properties(b"secret", with_responses=False)
    assert "Response Value" not in properties(object())


def test_health_probes_are_left_alone() -> None:
    assert properties(b"Healthy", logged=False) == {}
