"""LateSpan and what makes it: after it is over, or by the tracer if somebody asks for more than its ids."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

from scoringhost.telemetry.drawn_ids import DrawnIds
from scoringhost.telemetry.exports import Exports, HostProvider, HostResource
from scoringhost.telemetry.late_spans import TOGETHER, LateSpan, Maker
from scoringhost.telemetry.otel_variables import Sampling

IDS = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class Taken:
    """A maker, what it has made, and what its tracer has begun."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.begun: list[str] = []
        provider = TracerProvider()
        ids, tracer = DrawnIds(), provider.get_tracer("x")
        assert isinstance(tracer, SdkTracer)
        tracer.id_generator = ids
        start = tracer.start_span
        flags = TraceFlags(TraceFlags.SAMPLED | start("").get_span_context().trace_flags)

        def start_span(name: str, *args: Any, **kwargs: Any) -> Any:
            self.begun.append(name)
            return start(name, *args, **kwargs)

        tracer.start_span = start_span  # type: ignore[method-assign]
        scope = InstrumentationScope("x")
        self.maker = Maker(tracer, ids, provider.resource, scope, flags, self.spans.append)

    def root(self) -> LateSpan:
        return self.maker.root("whole", IDS, Context(), {"a": 1}, 5)


@pytest.fixture
def taken() -> Taken:
    return Taken()


def test_one_that_nobody_looks_at_is_made_when_it_is_over(taken: Taken) -> None:
    root = taken.root()
    above = root.get_span_context()
    below = taken.maker.below("run", above, set_span_in_context(root, Context()), 6)
    taken.maker.whole("wait", above, 5, 6)
    assert root.is_recording()
    below.end(7)
    root.note({"b": 2})
    root.end(8)
    assert taken.begun == []
    wait, run, whole = taken.spans
    assert (f"{above.trace_id:032x}", f"{above.span_id:016x}") == IDS
    assert whole.context == root.context == above
    assert wait.parent == run.parent == above
    assert (whole.parent, whole.kind, run.kind) == (None, SpanKind.SERVER, SpanKind.INTERNAL)
    assert [(one.start_time, one.end_time) for one in taken.spans] == [(5, 6), (6, 7), (5, 8)]
    assert (dict(whole.attributes or {}), dict(run.attributes or {})) == ({"a": 1, "b": 2}, {})
    assert len({one.context.span_id for one in taken.spans if one.context}) == 3
    assert not root.is_recording()


def test_one_that_is_looked_at_is_the_tracers_with_the_same_ids(taken: Taken) -> None:
    root = taken.root()
    root.set_attribute("c", 3)
    root.set_status(Status(StatusCode.ERROR, "why"))
    root.add_link(root.get_span_context())
    root.note({"b": 2})
    assert (root.name, dict(root.attributes or {})) == ("whole", {"a": 1, "c": 3, "b": 2})  # as `ReadableSpan` has them
    assert isinstance(root._real, SdkSpan)
    root.end(8)
    assert root._real.get_span_context() == root.get_span_context()
    assert (root.status.description, len(root.links), root.start_time, root.end_time) == ("why", 1, 5, 8)
    assert taken.begun == ["whole"]
    assert taken.spans == []
    assert not root.is_recording()


def test_a_child_that_the_tracer_makes_belongs_to_the_same_trace(taken: Taken) -> None:
    root = taken.root()
    run = taken.maker.below("run", root.get_span_context(), set_span_in_context(root, Context()), 6)
    run.add_event("x")
    run.record_exception(ValueError())
    run.update_name("other")
    run.end()
    assert isinstance(run._real, SdkSpan)
    assert run._real.get_span_context() == run.get_span_context()
    assert run._real.parent == root.get_span_context()
    assert (run.name, [event.name for event in run.events]) == ("other", ["x", "exception"])


def test_what_comes_after_its_end_changes_nothing(taken: Taken) -> None:
    root = taken.root()
    root.end(8)
    root.set_attribute("c", 3)
    root.end(9)
    assert taken.begun == []
    assert [(one.end_time, dict(one.attributes or {})) for one in taken.spans] == [(8, {"a": 1})]


def test_on_an_event_loop_many_are_made_together_or_after_a_moment(taken: Taken) -> None:
    async def scenario() -> list[int]:
        counts = []
        for count in (TOGETHER - 1, 1, 1):
            for _ in range(count):
                taken.root().end(8)
            counts.append(len(taken.spans))
        while len(taken.spans) <= TOGETHER:  # by the clock of the loop
            await asyncio.sleep(0.01)
        return [*counts, len(taken.spans)]

    assert asyncio.run(scenario()) == [0, TOGETHER, TOGETHER, TOGETHER + 1]


def test_one_that_waited_on_a_loop_that_has_ended_is_made_with_the_next_or_when_asked_for(taken: Taken) -> None:
    async def scenario() -> None:
        taken.root().end(8)

    asyncio.run(scenario())
    assert taken.spans == []
    taken.maker.flush()
    assert len(taken.spans) == 1
    asyncio.run(scenario())
    taken.maker._due_s = 0.0  # as it is a while later
    taken.root().end(8)
    assert len(taken.spans) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_does_not_send_what_its_parent_does(taken: Taken) -> None:
    async def scenario() -> None:
        taken.root().end(8)

    asyncio.run(scenario())
    child = os.fork()
    if child == 0:
        taken.maker.flush()
        os._exit(len(taken.spans))
    assert os.waitpid(child, 0)[1] == 0
    taken.maker.flush()
    assert len(taken.spans) == 1


@pytest.mark.parametrize(
    ("sampling", "variables", "is_late"),
    [
        (Sampling(1.0, True), {}, True),
        (Sampling(0.5, True), {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "128"}, True),
        (Sampling(), {}, False),  # a sampler has to be asked
        (Sampling(1.0, True), {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "10"}, False),
        (Sampling(1.0, True), {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "2"}, False),
    ],
)
def test_where_others_have_a_say_spans_are_the_tracers(
    sampling: Sampling, variables: dict[str, str], is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    provider = HostProvider(HostResource({}))
    monkeypatch.setattr("scoringhost.telemetry.exports.trace.get_tracer_provider", lambda: provider)
    exports = Exports([], sampling, "cats", "7")
    exports.tracer()
    assert (exports.maker() is not None) is is_late
    provider.sampler = Sampler()  # type: ignore[assignment]
    assert exports.maker() is None
    exports.stop()


class Sampler:
    """One that a script has set."""


def test_a_resource_that_knows_its_hash_is_that_of_the_sdk() -> None:
    one, other = HostResource({"service.name": "cats"}), Resource({"service.name": "cats"})
    assert hash(one) == hash(other) == hash(one)
    assert one == other
    assert len({one, other}) == 1
