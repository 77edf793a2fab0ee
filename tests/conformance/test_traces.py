"""The caller's trace on every door: taken up from its headers, and handed on by the script."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def client(serve: Callable[..., Client], door: str) -> Client:
    """Where spans go nowhere. In the process of the tests there may be a provider already, which takes them."""
    return serve("traced.py", SCORINGHOST_TRACES="true", OTEL_TRACES_EXPORTER="none")


def sent_by(client: Client, *headers: tuple[str, str]) -> dict[str, str]:
    reply = client.post("x", [("Content-Type", "text/plain"), *headers])
    assert reply.status == 200, reply.body
    found: dict[str, str] = reply.json()
    return found


def test_the_callers_trace_its_state_and_its_baggage_are_handed_on(client: Client) -> None:
    given = [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "a=b,c=d"), ("baggage", "tenant=7")]
    sent = sent_by(client, *given)
    version, trace, span, flags = sent["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != PARENT
    assert (sent["tracestate"], sent["baggage"]) == ("a=b,c=d", "tenant=7")
    assert sent["sampled"]


def test_whoever_does_not_sample_is_obeyed_and_handed_on(client: Client) -> None:
    sent = sent_by(client, ("traceparent", f"00-{TRACE}-{PARENT}-00"))
    assert sent["traceparent"].startswith(f"00-{TRACE}-")
    assert sent["traceparent"].endswith("-00")
    assert not sent["sampled"]


def test_each_request_without_a_trace_begins_one(client: Client) -> None:
    sent_by(client, ("traceparent", f"00-{TRACE}-{PARENT}-01"), ("baggage", "tenant=7"))
    found = [sent_by(client) for _ in range(3)]
    traces = {one["traceparent"].split("-")[1] for one in found}
    assert len(traces | {TRACE}) == 4
    assert not any("baggage" in one for one in found)


def test_a_header_that_is_no_trace_is_ignored(client: Client) -> None:
    for header in ("nonsense", f"00-{TRACE}-{PARENT}", f"00-{'0' * 32}-{PARENT}-01", "é" * 50):
        assert TRACE not in sent_by(client, ("traceparent", header))["traceparent"]
