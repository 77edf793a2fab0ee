"""Traces: a span for each request, and one for each of its stages, by OpenTelemetry.

Imported only where traces are on: it needs the SDK. The names of attributes are those of OpenTelemetry's
semantic conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextvars import Token
from os import urandom

from opentelemetry import propagate
from opentelemetry.context import Context, attach, detach, get_current, set_value
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from scoringhost.http.messages import HttpRequest
from scoringhost.telemetry.exports import Exports
from scoringhost.telemetry.span_attributes import attributes_of
from scoringhost.telemetry.traced_request import NS, TracedRequest
from scoringhost.telemetry.unsampled import Quiet, Unsampled

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
"""Those that the conventions know; any other is `_OTHER`, so that a caller cannot make up names of spans."""

OURS = "scoringhost"
"""Marks the contexts that are made here."""

_STANDARD = frozenset({"traceparent", "tracestate", "baggage"})
_UNSAMPLED = re.compile("00-([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-00")
_NO_TRACE = "0" * 32
EVERY = "g"
"""A bound above all that is written in hexadecimal: the SDK's sampler is asked about each trace that begins here."""
[_SPAN] = set_span_in_context(INVALID_SPAN, Context())
"""Under which a context has its span; `set_span_in_context` takes three times as long as making a context with one."""


class _FromHeaders(Getter[Mapping[str, str]]):
    """Reads what a propagator looks for; our headers are in lower case."""

    def get(self, carrier: Mapping[str, str], key: str) -> list[str] | None:
        value = carrier.get(key.lower())
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, str]) -> list[str]:
        return list(carrier)


_FROM_HEADERS = _FromHeaders()


class Traces:
    """Opens a span for each request; the `Watcher` of the HTTP application.

    The span is that of the context which the request is handled in, so that spans which the script makes,
    and calls of its that are instrumented, belong to it. Sampling is decided before anything else is
    found out: a request that is not sampled has ids to pass on, and costs little more.
    """

    def __init__(self, exports: Exports, *, batches: bool = False) -> None:
        """exports: of the process that serves. batches: calls may be joined."""
        self._exports, self._batches, self._ids = exports, batches, exports.ids
        self._draw = exports.ids.draw
        self._tracer: Tracer | None = None
        self._fields = self._others = frozenset[str]()
        self._bound, self._is_parent_based = EVERY, False
        self._current: Callable[[], Context] = get_current
        self._attach: Callable[[Context], Token[Context]] = attach

    def start(self) -> Tracer:
        """Begin to trace, once something is to be traced."""
        self._fields = frozenset(name.lower() for name in propagate.get_global_textmap().fields)
        self._others = self._fields - _STANDARD
        self._tracer = tracer = self._exports.tracer()
        sampling = self._exports.sampling
        if sampling.share < 1.0:
            # That sampler takes a trace if the last 64 bits of its id are below its bound; digits sort as numbers do.
            self._bound = f"{TraceIdRatioBased(sampling.share).bound:016x}"
        self._is_parent_based = sampling.is_parent_based and self._fields == _STANDARD
        self._current, self._attach = _current_context()
        return tracer

    def begin(self, request: HttpRequest) -> TracedRequest | Unsampled | None:
        """See `Watcher`."""
        tracer = self._tracer or self.start()
        context, headers = self._current(), request.headers
        # The usual two fields by name: a frozenset would be asked about every header. `_begin_below` looks closely.
        if (
            context
            or "traceparent" in headers
            or "baggage" in headers
            or (self._others and not self._others.isdisjoint(headers))
        ):
            return self._begin_below(tracer, request, context)
        ids = self._draw()
        if ids[0][16:] < self._bound or self._batches:
            return self._begin_drawn(tracer, request, context, ids)
        request.trace = ids  # as `_let_pass` does, without the call: most requests come here
        quiet = Quiet()
        quiet.ids = ids
        # A context is such a dictionary; being one by name, so that nobody changes it, would take three times as long.
        self._attach({_SPAN: quiet})  # type: ignore[arg-type]
        return None

    def _begin_below(self, tracer: Tracer, request: HttpRequest, context: Context) -> TracedRequest | Unsampled | None:
        """Begin what may belong to a trace that is there, by the program around or by the request's headers."""
        if context:
            context = _without_leftovers(context)
            if get_current_span(context) is not INVALID_SPAN:
                # The program is instrumented itself, and has read the headers.
                return self._begin_span(tracer, request, context)
        if self._fields.isdisjoint(request.headers):
            return self._begin_drawn(tracer, request, context, self._ids.draw())
        if self._is_parent_based:
            trace = _unsampled_trace(request.headers)
            if trace:
                return self._let_pass(request, context, (trace, urandom(8).hex()))
        return self._begin_span(tracer, request, propagate.extract(request.headers, context, _FROM_HEADERS))

    def _begin_drawn(
        self, tracer: Tracer, request: HttpRequest, context: Context, ids: tuple[str, str]
    ) -> TracedRequest | Unsampled | None:
        """Begin a trace: its id says whether it is sampled."""
        if ids[0][16:] >= self._bound:
            return self._let_pass(request, context, ids)
        return self._begin_span(tracer, request, context, ids)

    def _let_pass(self, request: HttpRequest, context: Context, ids: tuple[str, str]) -> Unsampled | None:
        """Give a request that is not sampled ids to pass on, at the least cost: most requests are such."""
        request.trace = ids
        quiet = Quiet()
        quiet.ids = ids
        context = set_span_in_context(quiet, context) if context else Context({_SPAN: quiet})
        attach(context)
        return Unsampled(context) if self._batches else None

    def _begin_span(
        self, tracer: Tracer, request: HttpRequest, context: Context, drawn: tuple[str, str] | None = None
    ) -> TracedRequest | Unsampled | None:
        """Begin the span of a request. drawn: the ids of a trace that begins here and is sampled."""
        method = request.method if request.method in METHODS else "_OTHER"
        name = f"{'HTTP' if method == '_OTHER' else method} {request.match.pattern}".rstrip()
        known: dict[str, str | int]
        known = {"http.request.method": method, "url.path": request.path, "url.scheme": request.scheme}
        start_ns = time.time_ns() - int((time.perf_counter() - request.began_s) * NS)
        maker, above = self._exports.maker(), get_current_span(context).get_span_context()
        span: Span
        if maker is not None and drawn is not None:
            span = maker.root(name, drawn, context, known | attributes_of(request, method), start_ns)
        elif maker is not None and above.is_valid and above.trace_flags.sampled:
            known |= attributes_of(request, method)
            span = maker.below(name, above, context, start_ns, SpanKind.SERVER, known)
        else:
            maker = None
            with self._ids.given(int(drawn[0], 16) if drawn is not None else 0, 0):
                span = tracer.start_span(name, context, SpanKind.SERVER, known, start_time=start_ns)
            if span.is_recording():
                span.set_attributes(attributes_of(request, method))
        context = set_value(OURS, True, set_span_in_context(span, context))
        attach(context)
        ids = span.get_span_context()
        request.trace = (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")
        if span.is_recording():
            return TracedRequest(tracer, span, context, request, start_ns, maker)
        return Unsampled(context) if self._batches else None


def _current_context() -> tuple[Callable[[], Context], Callable[[Context], Token[Context]]]:
    """How the current context is had, and another made the current one.

    OpenTelemetry's own functions for it go through two more each. Where it keeps the context in a variable of
    contextvars, as it does unless `OTEL_PYTHON_CONTEXT` says something else, a token of that variable names it.
    """
    token = attach(get_current())
    detach(token)
    return (token.var.get, token.var.set) if isinstance(token, Token) else (get_current, attach)


def _without_leftovers(context: Context) -> Context:
    """The context, or an empty one in place of what an earlier request has left.

    uvicorn begins a pipelined request in the context of the one before.
    """
    around = get_current_span(context)
    is_left = type(around) is Quiet or (OURS in context and not around.is_recording())
    return Context() if is_left else context


def _unsampled_trace(headers: Mapping[str, str]) -> str:
    """The id of a trace that the caller does not sample, if its headers say nothing else; empty otherwise.

    A service mesh sends such headers with nearly every request, and the propagators take 12 us to read them.
    """
    found = _UNSAMPLED.fullmatch(headers.get("traceparent", ""))
    if found is None or "tracestate" in headers or "baggage" in headers or found[1] == _NO_TRACE:
        return ""
    return found[1]
