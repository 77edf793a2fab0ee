"""LateSpan: a span that is made after it is over, unless somebody wants more of it than its ids before.

Made by its tracer a span takes some 20 us, and setting one attribute of it one more: of a small request that is sampled
half. Few scripts look at the spans of their requests, and those that make some of their own need only the ids of them.

What is over is kept until there is more of it: code that has not run for a while, as that for one request in a hundred,
takes several times as long as it does in a loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer

from scoringhost.process.at_fork import in_child
from scoringhost.telemetry.drawn_ids import DrawnIds

TOGETHER = 64
"""Spans that are made at once, which takes some 0.3 ms."""

LATER_S = 0.2
"""Seconds that one may wait for others."""

Over = tuple[str, SpanContext | None, SpanContext | None, SpanKind, dict[str, Any], int, int | None]
"""A span that is over: its name, its ids and those of the one above, its kind and attributes, begin and end (ns)."""

_making = threading.RLock()
"""Held while it is decided whether a span is made by its tracer; a thread of the script's may want one at its end.

To be entered again: logging or a finalizer may look at a span while another is made."""


class Maker:
    """What makes spans, by the tracer or without it."""

    def __init__(
        self,
        tracer: Tracer,
        ids: DrawnIds,
        resource: Resource,
        scope: InstrumentationScope,
        flags: TraceFlags,
        take: Callable[[ReadableSpan], object],
    ) -> None:
        """ids: what the tracer asks for those of a span. flags: of a trace that begins here and is sampled.

        take: what is given the spans that are made without the tracer.
        """
        self.tracer, self.ids, self._take = tracer, ids, take
        self._resource, self._scope, self._flags = resource, scope, flags
        self._over: deque[Over] = deque()
        self._due_s = 0.0
        in_child(self._over.clear)  # those are the parent's

    def root(
        self, name: str, ids: tuple[str, str], context: Context, attributes: dict[str, Any], start_ns: int
    ) -> LateSpan:
        """The first span of a trace, which is sampled. ids: of both, in hexadecimal."""
        own = SpanContext(int(ids[0], 16), int(ids[1], 16), False, self._flags)
        return LateSpan(self, name, own, None, context, SpanKind.SERVER, attributes, start_ns)

    def below(
        self,
        name: str,
        above: SpanContext,
        context: Context,
        start_ns: int,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: dict[str, Any] | None = None,
    ) -> LateSpan:
        """A span below another one, which is sampled. context: where that one is the current span."""
        return LateSpan(self, name, self._ids_below(above), above, context, kind, attributes or {}, start_ns)

    def _ids_below(self, above: SpanContext) -> SpanContext:
        return SpanContext(above.trace_id, self.ids.generate_span_id(), False, above.trace_flags, above.trace_state)

    # -- what is over ------------------------------------------------------------------------------------

    def whole(self, name: str, above: SpanContext, start_ns: int, end_ns: int) -> None:
        """A span that is over, of which nobody has heard before."""
        self.keep((name, None, above, SpanKind.INTERNAL, {}, start_ns, end_ns))

    def keep(self, over: Over) -> None:
        """Have a span made soon; at once where no event loop could see to that."""
        self._over.append(over)
        if len(self._over) >= TOGETHER or not self._is_timed():
            self.flush()

    def _is_timed(self) -> bool:
        """Whether `flush` is going to be called. A loop that has ended meanwhile does not, and is late then."""
        now_s = time.monotonic()
        if len(self._over) > 1:
            return now_s < self._due_s
        try:
            asyncio.get_running_loop().call_later(LATER_S, self.flush)
        except RuntimeError:
            return False
        self._due_s = now_s + 2 * LATER_S
        return True

    def flush(self) -> None:
        """Make what waits; from any thread."""
        over, resource, scope = self._over, self._resource, self._scope
        while over:
            try:
                name, own, above, kind, attributes, start_ns, end_ns = over.popleft()
            except IndexError:  # another thread has made it
                return
            if own is None and above is not None:
                own = self._ids_below(above)
            self._take(
                ReadableSpan(
                    name,
                    own,
                    above,
                    resource,
                    attributes=attributes,
                    kind=kind,
                    start_time=start_ns,
                    end_time=end_ns,
                    instrumentation_scope=scope,
                )
            )


class LateSpan(Span, ReadableSpan):
    """One that is recorded. What somebody wants to know or to change has it made by the tracer, with the same ids.

    What it has of `ReadableSpan` it has from the one that is made.
    """

    def __init__(
        self,
        maker: Maker,
        name: str,
        ids: SpanContext,
        above: SpanContext | None,
        context: Context,
        kind: SpanKind,
        attributes: dict[str, Any],
        start_ns: int,
    ) -> None:
        """attributes: of kinds that a span may have; this object keeps the dictionary."""
        self._maker, self._ids, self._above, self._base = maker, ids, above, context
        self._first = (name, kind, attributes, start_ns)
        self._real: Span | None = None
        self._is_over = False

    # -- what is done while nobody else has looked at it -------------------------------------------------

    def get_span_context(self) -> SpanContext:
        """The ids."""
        return self._ids

    @property
    def context(self) -> SpanContext:
        """The same."""
        return self._ids

    def is_recording(self) -> bool:
        """Whether it is not over."""
        return self._real.is_recording() if self._real is not None else not self._is_over

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes of the host's own."""
        with _making:
            real = self._real
            if real is None:
                self._first[2].update(attributes)
                return
        real.set_attributes(attributes)

    def end(self, end_time: int | None = None) -> None:
        """See `Span`."""
        with _making:
            real, was_over, self._is_over = self._real, self._is_over, True
        if real is not None:
            real.end(end_time)
        elif not was_over:
            name, kind, attributes, start_ns = self._first
            end_ns = time.time_ns() if end_time is None else end_time
            self._maker.keep((name, self._ids, self._above, kind, attributes, start_ns, end_ns))

    # -- what has it made ----------------------------------------------------------------------------------

    def _made(self) -> Span:
        with _making:
            if self._real is None and not self._is_over:
                name, kind, attributes, start_ns = self._first
                maker, own = self._maker, self._ids
                with maker.ids.given(0 if self._above is not None else own.trace_id, own.span_id):
                    self._real = maker.tracer.start_span(name, self._base, kind, attributes, start_time=start_ns)
            # One that is over bears with whatever comes.
            return self._real or NonRecordingSpan(self._ids)

    def __getattr__(self, name: str) -> Any:
        """What a span of the SDK has besides."""
        return getattr(self._made(), name)

    def set_attribute(self, key: str, value: Any) -> None:
        """See `Span`."""
        self._made().set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """See `Span`."""
        self._made().set_attributes(attributes)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """See `Span`."""
        self._made().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        """See `Span`."""
        self._made().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """See `Span`."""
        self._made().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """See `Span`."""
        self._made().set_status(status, description)

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        """See `Span`."""
        self._made().record_exception(exception, attributes, timestamp, escaped)
