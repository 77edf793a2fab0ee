"""LateSpan: a span that is made when it is over, unless somebody wants more of it than its ids before.

Made by its tracer a span takes some 20 us, and setting one attribute of it one more: of a small request that is sampled
half. Few scripts look at the spans of their requests, and those that make some of their own need only ids of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer

from scoringhost.telemetry.drawn_ids import DrawnIds

_making = threading.Lock()
"""Held while it is decided whether a span is made by its tracer; a thread of the script's may want one at its end."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What makes spans, one way or the other. ids: what the tracer asks for those of a span.

    flags: of a trace that begins here and is sampled. take: what a span is given to when it is over.
    """

    tracer: Tracer
    ids: DrawnIds
    resource: Resource
    scope: InstrumentationScope
    flags: TraceFlags
    take: Callable[[ReadableSpan], object]

    def root(
        self, name: str, ids: tuple[str, str], context: Context, attributes: dict[str, Any], start_ns: int
    ) -> LateSpan:
        """The first span of a trace, which is sampled. ids: of both, in hexadecimal."""
        own = SpanContext(int(ids[0], 16), int(ids[1], 16), False, self.flags)
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

    def whole(self, name: str, above: SpanContext, start_ns: int, end_ns: int) -> None:
        """A span that is over, of which nobody has heard before."""
        self.take(
            ReadableSpan(
                name,
                self._ids_below(above),
                above,
                self.resource,
                attributes={},
                start_time=start_ns,
                end_time=end_ns,
                instrumentation_scope=self.scope,
            )
        )

    def _ids_below(self, above: SpanContext) -> SpanContext:
        return SpanContext(above.trace_id, self.ids.generate_span_id(), False, above.trace_flags, above.trace_state)


class LateSpan(Span, ReadableSpan):
    """One that is recorded. What somebody wants to know or to change has it made by the tracer, with the same ids.

    The attributes that are none of `Span` belong to the span of the SDK, and so does what `ReadableSpan` keeps.
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
        self._over: ReadableSpan | None = None

    # -- what is done while nobody else has looked at it ---------------------------------------------

    def get_span_context(self) -> SpanContext:
        """The ids."""
        return self._ids

    @property
    def context(self) -> SpanContext:
        """The same."""
        return self._ids

    def is_recording(self) -> bool:
        """Whether it is not over."""
        return self._real.is_recording() if self._real is not None else True

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes of the host's own."""
        with _making:
            if self._real is None:
                self._first[2].update(attributes)
                return
        self._real.set_attributes(attributes)

    def end(self, end_time: int | None = None) -> None:
        """See `Span`."""
        with _making:
            real = self._real
            if real is None:
                self._real = NonRecordingSpan(self._ids)  # which bears with whatever comes now
        if real is not None:
            real.end(end_time)
            return
        name, kind, attributes, start_ns = self._first
        self._over = over = ReadableSpan(
            name,
            self._ids,
            self._above,
            self._maker.resource,
            attributes=attributes,
            kind=kind,
            start_time=start_ns,
            end_time=end_time,
            instrumentation_scope=self._maker.scope,
        )
        self._maker.take(over)

    # -- what has it made ------------------------------------------------------------------------------

    def _made(self) -> Span:
        with _making:
            if self._real is None:
                name, kind, attributes, start_ns = self._first
                maker, own = self._maker, self._ids
                with maker.ids.given(0 if self._above is not None else own.trace_id, own.span_id):
                    self._real = maker.tracer.start_span(name, self._base, kind, attributes, start_time=start_ns)
            return self._real

    def __getattr__(self, name: str) -> Any:
        """What the span of the SDK has besides."""
        return getattr(self._over or self._made(), name)

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
