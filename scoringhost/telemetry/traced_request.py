"""TracedRequest: the span of a request that is sampled, and those of its stages."""

from __future__ import annotations

import time

from opentelemetry.context import Context, attach
from opentelemetry.trace import Link, Span, Status, StatusCode, Tracer, set_span_in_context

from scoringhost.errors import RunError, ScoringHostError
from scoringhost.http.messages import HttpRequest
from scoringhost.telemetry.late_spans import LateSpan, Maker
from scoringhost.telemetry.span_attributes import exception_attributes
from scoringhost.telemetry.unsampled import LEAD

NS = 1_000_000_000


class TracedRequest:
    """The span of one request, and those of its stages; see `Stages`.

    A stage's span begins when the stage is over, at a time in the past. Only that of run() is open while run() is, as
    the script's own spans are its children.
    """

    __slots__ = (
        *("_context", "_lead", "_request", "_run_ended_ns", "_run_ns", "_span", "_start_ns"),
        *("_maker", "_tracer", "_waited", "run"),
    )
    is_plain = False

    def __init__(
        self,
        tracer: Tracer,
        span: Span,
        context: Context,
        request: HttpRequest,
        start_ns: int,
        maker: Maker | None,
    ) -> None:
        """maker: of spans that are made late, if they may be."""
        self._tracer, self._span, self._context, self._request = tracer, span, context, request
        self._start_ns, self._maker = start_ns, maker
        self.run: Span | None = None
        self._run_ns, self._run_ended_ns = 0, 0
        self._waited = False
        self._lead: TracedRequest = self

    def waits(self) -> None:
        """See `Stages`."""

    def waited(self, seconds: float) -> None:
        """See `Stages`."""
        self._waited = True
        self._stage("wait", seconds)

    def decoded(self, seconds: float) -> None:
        """See `Stages`. If the call has had its turn already, run() is next, in this very context."""
        self._stage("decode", seconds)
        if self._waited:
            self._begin_run()

    def joins(self, batch: dict[str, object]) -> None:
        """See `Stages`. The run() of a batch has one span, in the trace of its first call; the others link to it."""
        self._end_run(time.time_ns(), "it was run again")
        lead = batch.setdefault(LEAD, self)
        assert isinstance(lead, TracedRequest)
        self._lead = lead
        if lead is self:
            self._begin_run()
        elif lead.run is not None:
            lead.run.add_link(self._span.get_span_context())

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        """See `Stages`."""
        lead = self._lead
        counted = {"scoringhost.batch.calls": calls, "scoringhost.batch.rows": rows} if calls > 1 else {}
        if not lead._run_ended_ns:  # the first of its batch that hears of it
            lead._run_ended_ns = time.time_ns()
            if lead.run is not None:
                if counted:
                    lead.run.set_attributes(counted)
                lead.run.end(lead._run_ended_ns)
        if lead is not self:
            links = [Link(lead.run.get_span_context())] if lead.run is not None else []
            mine = self._tracer.start_span(
                "run", self._context, attributes=counted, links=links, start_time=lead._run_ns
            )
            mine.end(lead._run_ended_ns)
        attach(self._context)

    def encoded(self, seconds: float) -> None:
        """See `Stages`."""
        self._stage("encode", seconds)

    def failed(self, error: ScoringHostError) -> None:
        """See `Stages`. An exception is noted where it was raised: in run(), if that had begun."""
        cause = error.__cause__
        kind = type(error if cause is None else cause).__qualname__
        self._note({"error.type": kind})
        where = self.run if self.run is not None and self.run.is_recording() else self._span
        if isinstance(error, RunError):
            where.add_event("exception", exception_attributes(error if cause is None else cause))
        self._end_run(time.time_ns(), str(error), kind)
        attach(self._context)

    def sent(self, status: int, size: int, whole: bool) -> None:
        """See `Stages`."""
        now_ns, span = time.time_ns(), self._span
        self._end_run(now_ns, "" if whole else "the client has gone")
        found: dict[str, str | int] = {"http.response.status_code": status, "http.response.body.size": size}
        if self._request.caller:
            found["scoringhost.caller"] = self._request.caller
        self._note(found)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        elif not whole:
            self._note({"error.type": "broken_off"})
            span.set_status(Status(StatusCode.ERROR, "the stream broke off, or its reader has gone"))
        span.end(now_ns)

    def _note(self, attributes: dict[str, str | int]) -> None:
        span = self._span
        if isinstance(span, LateSpan):
            span.note(attributes)
        else:
            span.set_attributes(attributes)

    def _stage(self, name: str, seconds: float) -> None:
        now_ns = time.time_ns()
        start_ns = max(self._start_ns, now_ns - int(seconds * NS))
        if self._maker is not None:
            self._maker.whole(name, self._span.get_span_context(), start_ns, now_ns)
        else:
            self._tracer.start_span(name, self._context, start_time=start_ns).end(now_ns)

    def _begin_run(self) -> None:
        self._run_ns, self._run_ended_ns = time.time_ns(), 0
        if self._maker is not None:
            above = self._span.get_span_context()
            self.run = self._maker.below("run", above, self._context, self._run_ns)
        else:
            self.run = self._tracer.start_span("run", self._context, start_time=self._run_ns)
        attach(set_span_in_context(self.run, self._context))

    def _end_run(self, now_ns: int, why: str, kind: str = "") -> None:
        """End the span of a run() that has not come to a good end."""
        run = self.run
        if run is None or not run.is_recording():
            return
        self._run_ended_ns = now_ns
        if kind:
            run.set_attribute("error.type", kind)
        if why:
            run.set_status(Status(StatusCode.ERROR, why))
        run.end(now_ns)
