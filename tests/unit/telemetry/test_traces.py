"""Traces: the spans of a request, and whose children those of the script are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import ProxyTracerProvider, SpanKind, StatusCode

from scoringhost import create_app, create_asgi_app
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse, close_body
from scoringhost.telemetry.exports import HostProvider
from scoringhost.telemetry.logs import LineFormatter

ONLY_SPANS = {"SCORINGHOST_TRACES": "true", "OTEL_TRACES_EXPORTER": "none"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ECHO = """
    from opentelemetry import trace
    def run(text):
        with trace.get_tracer("score").start_as_current_span("own"):
            return text
"""
SUMS = """
    import time
    import numpy as np
    from opentelemetry import trace
    from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
    from inference_schema.schema_decorators import input_schema
    @input_schema("data", NumpyParameterType(np.zeros((1, 2))))
    def run(data):
        with trace.get_tracer("score").start_as_current_span("own") as span:
            span.set_attribute("rows", len(data))
            time.sleep(0.005)
            return data.sum(axis=1)
"""
INIT = "\ndef init():\n    pass\n"
EXPORTER = InMemorySpanExporter()


class Spans:
    """What has been traced, by name."""

    @property
    def all(self) -> list[ReadableSpan]:
        trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]
        return list(EXPORTER.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span


def id_of(span: ReadableSpan) -> int:
    return span.get_span_context().span_id  # type: ignore[union-attr]


def parent_of(span: ReadableSpan) -> int:
    return span.parent.span_id if span.parent is not None else 0


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture(params=["late", "by the tracer"])
def spans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Spans:
    """What the one provider of this process sees; another test may have had the host set it.

    The host's own spans are made after they are over, or by the tracer, as they are where a script wants to see them.
    """
    if isinstance(trace.get_tracer_provider(), ProxyTracerProvider):
        trace.set_tracer_provider(HostProvider(Resource.create({})))
    provider = trace.get_tracer_provider()
    assert isinstance(provider, HostProvider)
    monkeypatch.setattr(provider, "_others", request.param != "late")
    assert provider.is_as_made is (request.param == "late")
    monkeypatch.setattr(provider.switch, "senders", (SimpleSpanProcessor(EXPORTER),))
    provider.force_flush()
    EXPORTER.clear()
    return Spans()


Ask = Callable[..., Any]


@pytest.fixture
def opened() -> Iterator[list[Any]]:
    """Applications that are closed at the end of the test; what is left to their event loops is done then."""
    applications: list[Any] = []
    yield applications
    close(applications)


def close(applications: list[Any]) -> None:
    while applications:
        applications.pop().extensions["scoringhost"].close()


@pytest.fixture
def ask(spans: Spans, tmp_path: Path, opened: list[Any]) -> Callable[..., Ask]:
    """ask(source, **environ): what posts a body to a service, and returns Flask's response."""

    def serve(source: str, **environ: str) -> Ask:
        script = tmp_path / "score.py"
        script.write_text(dedent(source) + INIT)
        app = create_app(str(script), environ=ONLY_SPANS | environ)
        opened.append(app)
        client = app.test_client()

        def post(body: str = "x", target: str = "/score", method: str = "POST", **headers: str) -> Any:
            return client.open(target, method=method, data=body, headers=headers)

        return post

    return serve


def test_a_request_is_a_span_and_its_stages_are_its_children(ask: Callable[..., Ask], spans: Spans) -> None:
    ask("import time\ndef run(text):\n    time.sleep(0.02)\n    return text")()
    whole = spans.only("POST /score")
    assert whole.kind is SpanKind.SERVER
    assert [span.name for span in spans.all] == ["wait", "decode", "run", "encode", "POST /score"]
    for name in ("wait", "decode", "run", "encode"):
        stage = spans.only(name)
        assert parent_of(stage) == id_of(whole)
        assert whole.start_time <= stage.start_time <= stage.end_time <= whole.end_time  # type: ignore[operator]
    run = spans.only("run")
    assert run.end_time - run.start_time >= 20_000_000  # type: ignore[operator]


def test_attributes_have_the_names_of_the_conventions(ask: Callable[..., Ask], spans: Spans) -> None:
    ask(ECHO)("four", "/score?a=1&sig=secret", **{"User-Agent": "me", "Host": "models.example:8080"})
    found = said(spans.only("POST /score"))
    assert found.pop("scoringhost.request_id")
    assert found.pop("http.response.body.size") == len('"four"')
    assert found == {
        "http.request.method": "POST",
        "http.route": "/score",
        "http.request.body.size": 4,
        "http.response.status_code": 200,
        "url.path": "/score",
        "url.scheme": "http",
        "url.query": "a=1&sig=REDACTED",
        "server.address": "models.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "me",
    }


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [("h", "h", None), ("[::1]:8080", "::1", 8080), ("[::1]", "::1", None), ("127.0.0.1:5001", "127.0.0.1", 5001)],
)
def test_the_address_of_the_server_is_what_the_caller_has_written(
    ask: Callable[..., Ask], spans: Spans, host: str, address: str, port: int | None
) -> None:
    ask(ECHO)(Host=host)
    found = said(spans.only("POST /score"))
    assert (found["server.address"], found.get("server.port")) == (address, port)


def test_the_callers_trace_goes_on(ask: Callable[..., Ask], spans: Spans) -> None:
    ask(ECHO)(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=b")
    whole, own = spans.only("POST /score"), spans.only("own")
    assert f"{whole.get_span_context().trace_id:032x}" == TRACE  # type: ignore[union-attr]
    assert f"{parent_of(whole):016x}" == PARENT
    assert own.get_span_context().trace_state.get("a") == "b"  # type: ignore[union-attr]


@pytest.mark.parametrize("header", ["nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", ""])
def test_a_header_that_is_no_trace_begins_a_trace_of_its_own(
    ask: Callable[..., Ask], spans: Spans, header: str
) -> None:
    assert ask(ECHO)(traceparent=header).status_code == 200
    assert spans.only("POST /score").parent is None


def test_spans_of_the_script_are_children_of_its_run(ask: Callable[..., Ask], spans: Spans) -> None:
    post = ask(ECHO)
    for _ in range(3):
        post()
    runs = {id_of(span) for span in spans.named("run")}
    assert {parent_of(span) for span in spans.named("own")} == runs
    assert len(runs) == 3


def test_what_the_script_sends_out_names_its_span(ask: Callable[..., Ask], spans: Spans) -> None:
    source = """
        from opentelemetry import propagate
        def run(text):
            sent = {}
            propagate.inject(sent)
            return sent
    """
    sent = ask(source)(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=b", baggage="tenant=7").json
    assert sent == {
        "traceparent": f"00-{TRACE}-{id_of(spans.only('run')):016x}-01",
        "tracestate": "a=b",
        "baggage": "tenant=7",
    }


def test_who_does_not_sample_gets_no_spans_but_its_ids_and_baggage_go_on(ask: Callable[..., Ask], spans: Spans) -> None:
    source = """
        from opentelemetry import propagate, trace
        def run(text):
            sent = {}
            with trace.get_tracer("score").start_as_current_span("own"):
                propagate.inject(sent)
            return sent
    """
    sent = ask(source)(traceparent=f"00-{TRACE}-{PARENT}-00", baggage="tenant=7").json
    assert sent["traceparent"].startswith(f"00-{TRACE}-")
    assert sent["traceparent"].endswith("-00")
    assert sent["baggage"] == "tenant=7"
    assert spans.all == []


def test_a_script_may_add_to_the_span_of_its_run(ask: Callable[..., Ask], spans: Spans) -> None:
    source = """
        from opentelemetry import trace
        def run(text):
            span = trace.get_current_span()
            before = span.is_recording()
            span.set_attribute("model", "cats")
            span.set_attributes({"rows": 1})
            span.add_event("scored", {"at": 1})
            span.record_exception(ValueError("odd"))
            span.update_name(span.name + " of cats")
            return [before, span.is_recording(), span.attributes["model"]]
    """
    assert ask(source)().json == [True, True, "cats"]
    run, whole = spans.only("run of cats"), spans.only("POST /score")
    assert said(run) == {"model": "cats", "rows": 1}
    assert [event.name for event in run.events] == ["scored", "exception"]
    assert parent_of(run) == id_of(whole)
    assert run.end_time is not None
    assert run.start_time < run.end_time <= whole.end_time  # type: ignore[operator]


def test_what_a_script_still_has_of_a_run_that_is_over_does_no_harm(ask: Callable[..., Ask], spans: Spans) -> None:
    source = """
        from opentelemetry import trace
        kept = []
        def run(text):
            found = [span.is_recording() for span in kept]
            for span in kept:
                span.set_attribute("late", True)
                span.end()
            kept[:] = [trace.get_current_span()]
            return found
    """
    post = ask(source)
    assert (post().json, post().json) == ([], [False])
    assert [said(span) for span in spans.named("run")] == [{}, {}]


def test_an_async_run_has_its_spans_too(ask: Callable[..., Ask], spans: Spans) -> None:
    source = """
        import asyncio
        from opentelemetry import trace
        async def run(text):
            await asyncio.sleep(0)
            with trace.get_tracer("score").start_as_current_span("own"):
                return text
    """
    ask(source)()
    assert parent_of(spans.only("own")) == id_of(spans.only("run"))


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_steps_of_a_stream_belong_to_its_run_which_ends_with_the_last(
    ask: Callable[..., Ask], spans: Spans, opened: list[Any], kind: str
) -> None:
    source = f"""
        from opentelemetry import trace
        {kind} run(text):
            for step in range(3):
                with trace.get_tracer("score").start_as_current_span("step"):
                    yield str(step)
    """
    assert ask(source)().get_data() == b"012"
    close(opened)
    run, whole = spans.only("run"), spans.only("POST /score")
    steps = spans.named("step")
    assert [parent_of(step) for step in steps] == [id_of(run)] * 3
    assert run.end_time >= steps[-1].start_time  # type: ignore[operator]
    assert parent_of(run) == id_of(whole)


def test_a_run_that_fails_has_its_exception_and_the_request_its_error(ask: Callable[..., Ask], spans: Spans) -> None:
    assert ask("def run(text):\n    raise LookupError('no such row')")().status_code == 500
    run, whole = spans.only("run"), spans.only("POST /score")
    [event] = run.events
    assert event.name == "exception"
    found: Any = event.attributes
    assert (found["exception.type"], found["exception.message"]) == ("LookupError", "no such row")
    assert "score.py" in found["exception.stacktrace"]
    assert "kernel" not in found["exception.stacktrace"]
    assert run.status.status_code is whole.status.status_code is StatusCode.ERROR
    assert said(whole)["error.type"] == said(run)["error.type"] == "LookupError"


def test_an_exception_that_has_no_text_is_survived(ask: Callable[..., Ask], spans: Spans) -> None:
    source = """
        class Odd(Exception):
            def __str__(self):
                raise ValueError
        def run(text):
            raise Odd
    """
    assert ask(source)().status_code == 500
    [event] = spans.only("run").events
    assert str((event.attributes or {})["exception.type"]).endswith("Odd")


def test_a_stream_that_breaks_off_has_its_exception(ask: Callable[..., Ask], spans: Spans, opened: list[Any]) -> None:
    post = ask("def run(text):\n    yield 'a'\n    raise LookupError")
    with pytest.raises(Exception):  # noqa: B017 - whatever the test client makes of it
        post().get_data()
    close(opened)
    run, whole = spans.only("run"), spans.only("POST /score")
    assert run.events[0].name == "exception"
    assert run.status.status_code is whole.status.status_code is StatusCode.ERROR


def test_a_callers_fault_is_no_error_of_the_server(ask: Callable[..., Ask], spans: Spans) -> None:
    post = ask(SUMS)
    assert post("{}", **{"Content-Type": "application/json"}).status_code == 400
    assert post(target="/nowhere/7").status_code == 404
    refused, nowhere = spans.only("POST /score"), spans.only("POST")
    assert refused.status.status_code is nowhere.status.status_code is StatusCode.UNSET
    assert said(refused)["error.type"] == "MissingParameter"
    assert "http.route" not in said(nowhere)
    assert spans.named("run") == []


def test_no_caller_makes_up_names_of_spans(ask: Callable[..., Ask], spans: Spans) -> None:
    ask(ECHO)(method="BREW")
    whole = spans.only("HTTP /score")
    assert (said(whole)["http.request.method"], said(whole)["http.request.method_original"]) == ("_OTHER", "BREW")


def test_health_probes_are_not_traced(ask: Callable[..., Ask], spans: Spans) -> None:
    assert ask(ECHO)(target="/", method="GET").status_code == 200
    assert spans.all == []


def test_a_request_in_the_context_that_another_has_left_is_no_child_of_it(spans: Spans, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(dedent(ECHO) + INIT)

    async def scenario() -> None:
        app = create_asgi_app(str(tmp_path / "score.py"), environ=ONLY_SPANS)
        await app.startup()
        site = app._engine.site  # type: ignore[union-attr]
        for flag in ("00", "01", "01"):
            headers = Headers({"traceparent": f"00-{TRACE}-{PARENT}-{flag}"})
            await site.app.handle(HttpRequest("POST", "/score", headers=headers, body=b"x"))
        await site.app.handle(HttpRequest("POST", "/score", body=b"x"))
        await app.shutdown()

    asyncio.run(scenario())
    parents = [parent_of(span) for span in spans.named("POST /score")]
    assert parents == [int(PARENT, 16), int(PARENT, 16), 0]


def test_in_a_program_that_is_traced_itself_its_span_is_the_parent(ask: Callable[..., Ask], spans: Spans) -> None:
    post = ask(ECHO)
    with trace.get_tracer("program").start_as_current_span("outer") as outer:
        post(traceparent=f"00-{TRACE}-{PARENT}-01")
    assert parent_of(spans.only("POST /score")) == outer.get_span_context().span_id


def test_lines_of_the_log_carry_the_ids_of_their_span(ask: Callable[..., Ask], spans: Spans) -> None:
    kept: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(LineFormatter().format(record))

    handler, host = Keep(), logging.getLogger("azmlinfsrv")
    host.addHandler(handler)
    level = host.level
    host.setLevel(logging.INFO)
    try:
        source = "import logging\ndef run(text):\n    logging.getLogger('azmlinfsrv').warning('look')\n    return text"
        ask(source)()
    finally:
        host.removeHandler(handler)
        host.setLevel(level)
    run, whole = spans.only("run"), spans.only("POST /score")
    [line] = [line for line in kept if "look" in line]
    ids = run.get_span_context()
    assert ids is not None
    assert f"trace={ids.trace_id:032x} span={ids.span_id:016x}]" in line
    [access] = [line for line in kept if "POST /score 200" in line]
    assert f"span={id_of(whole):016x}]" in access


# -- batches -----------------------------------------------------------------------------------------


def batched(script: Path, callers: int, headers: Callable[[int], dict[str, str]]) -> None:
    """Let callers score at once until some calls were joined."""

    async def scenario() -> None:
        app = create_asgi_app(str(script), environ=ONLY_SPANS | {"SCORINGHOST_MAX_BATCH_SIZE": "64"})
        await app.startup()
        site = app._engine.site  # type: ignore[union-attr]

        async def score(number: int, rows: int = 1) -> None:
            body = b'{"data": [' + b",".join([b"[1, 2]"] * rows) + b"]}"
            given = Headers({"content-type": "application/json"} | headers(number))
            response = await site.app.handle(HttpRequest("POST", "/score", headers=given, body=body))
            assert isinstance(response, HttpResponse)
            assert response.status == 200
            await close_body(response.body)

        for rows in (1, 2, 3):  # which shows that results are made of rows
            await score(0, rows)
        for _ in range(20):
            EXPORTER.clear()
            await asyncio.gather(*(score(number) for number in range(callers)))
            if any(said(span).get("scoringhost.batch.calls", 1) > 2 for span in Spans().named("run")):
                break
        await app.shutdown()

    asyncio.run(scenario())


@pytest.fixture
def sums(spans: Spans, tmp_path: Path) -> Path:
    script = tmp_path / "score.py"
    script.write_text(dedent(SUMS) + INIT)
    return script


def test_calls_of_a_batch_link_to_the_run_they_share(sums: Path, spans: Spans) -> None:
    batched(sums, 6, lambda number: {})
    requests = {id_of(span): span for span in spans.named("POST /score")}
    assert len(requests) == len(spans.named("run")) == 6
    leads = [run for run in spans.named("run") if len(run.links) > 1]
    [lead, *_] = leads
    followers = [run for run in spans.named("run") if [link.context.span_id for link in run.links] == [id_of(lead)]]
    assert said(lead)["scoringhost.batch.calls"] == said(lead)["scoringhost.batch.rows"] == len(followers) + 1
    assert {link.context.span_id for link in lead.links} == {parent_of(run) for run in followers}
    assert {(run.start_time, run.end_time) for run in followers} == {(lead.start_time, lead.end_time)}
    assert {parent_of(run) for run in spans.named("run")} == requests.keys()
    [own] = [span for span in spans.named("own") if parent_of(span) == id_of(lead)]
    assert said(own)["rows"] == len(followers) + 1
    assert all(parent_of(own) in {id_of(run) for run in spans.named("run")} for own in spans.named("own"))


def test_a_batch_of_calls_that_are_not_sampled_makes_no_spans(sums: Path, spans: Spans) -> None:
    batched(sums, 6, lambda number: {"traceparent": f"00-{number + 1:032x}-{PARENT}-00"})
    assert spans.all == []


def test_a_batch_belongs_to_the_first_of_its_calls_that_is_sampled(sums: Path, spans: Spans) -> None:
    batched(sums, 6, lambda number: {"traceparent": f"00-{number + 1:032x}-{PARENT}-0{int(number == 5)}"})
    traces = {span.get_span_context().trace_id for span in spans.all}  # type: ignore[union-attr]
    assert traces == {6}
    assert len(spans.named("own")) == len(spans.named("run")) == 1
    assert parent_of(spans.only("own")) == id_of(spans.only("run"))
