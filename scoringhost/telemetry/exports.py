"""What leaves the process by OpenTelemetry: spans and log lines, and who sends them.

Imported only where something is to be sent: it needs the SDK. Everything here that sends does so on a
thread of its own, from a queue that is full at some time and drops then: a request waits for none of it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import ProxyTracerProvider, TraceFlags, Tracer

from scoringhost._version import __version__
from scoringhost.telemetry.drawn_ids import DrawnIds, SystemIds
from scoringhost.telemetry.late_spans import Maker
from scoringhost.telemetry.log_records import RecordSender, TraceMark
from scoringhost.telemetry.logs import HOST_LOGGER
from scoringhost.telemetry.otel_variables import Sampling

SCOPE = "scoringhost"
"""Whose the host's own spans are."""

MANY = 64
"""More attributes than the host's own spans have."""

LAST_S = 2.0
"""Seconds that what waits to be sent has at the end. An exporter whose receiver is away may try for longer than a
master waits for its worker: Azure Monitor's for 9.7 s."""

log = logging.getLogger(HOST_LOGGER)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to: an exporter is made in the process that sends, as none survives a fork.

    loggers: whose lines are sent, those of the loggers below them included.
    """

    spans: Callable[[], SpanExporter] | None = None
    lines: Callable[[], Any] | None = None
    loggers: tuple[str | None, ...] = (HOST_LOGGER, None)


class Switch(SpanProcessor):
    """Passes spans on to whoever sends them at present.

    A process has one provider, which nobody can replace, and may be forked, or serve one service after
    the other.
    """

    def __init__(self) -> None:
        self.senders: tuple[SpanProcessor, ...] = ()
        self.makers: weakref.WeakSet[Maker] = weakref.WeakSet()
        """Those whose spans come here, some of them late."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See `SpanProcessor`."""
        for one in self.senders:
            one.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """See `SpanProcessor`."""
        for one in self.senders:
            one.on_end(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits; see `SpanProcessor`."""
        for maker in list(self.makers):
            maker.flush()
        return all([one.force_flush(timeout_millis) for one in self.senders])


class HostResource(Resource):
    """A resource that knows its hash: exporters ask for it with each span, and it is that of a text in JSON."""

    _hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash


class HostProvider(TracerProvider):
    """The provider of a process that has none of its own.

    is_as_made: false if a script has added what wants to see spans, too, or has set a sampler of its own.
    """

    def __init__(self, resource: Resource) -> None:
        # Not shut down at exit: that may take half a minute; see `Exports.stop`.
        super().__init__(resource=resource, id_generator=SystemIds(), shutdown_on_exit=False)
        self.switch = Switch()
        super().add_span_processor(self.switch)
        self._others, self._own_sampler = False, self.sampler

    @property
    def is_as_made(self) -> bool:
        """See above."""
        return not self._others and self.sampler is self._own_sampler

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """See `TracerProvider`."""
        self._others = True
        super().add_span_processor(span_processor)


class Exports:
    """Sends spans and log lines from the process that serves."""

    def __init__(self, destinations: Sequence[Destination], sampling: Sampling, service: str, version: str) -> None:
        """Do nothing yet. service, version: what the conventions call service.name and service.version."""
        self._destinations, self._service, self._version = tuple(destinations), service, version
        self.sampling = sampling
        """As it is wanted, and once it has started, as it is: a program's own provider has a sampler of its own."""
        self.ids = DrawnIds()
        """Of the traces that the host begins where chance decides whether they are sampled."""
        self._pid = 0
        self._provider: trace.TracerProvider | None = None
        self._maker: Maker | None = None
        self._senders: tuple[SpanProcessor, ...] = ()
        self._line_providers: list[LoggerProvider] = []
        self._handlers: list[tuple[logging.Logger, logging.Handler]] = []
        self._mark = TraceMark()

    def start(self) -> None:
        """Send from this process on; does nothing where that has begun."""
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        provider = trace.get_tracer_provider()
        if isinstance(provider, ProxyTracerProvider):
            provider = HostProvider(self._resource())
            trace.set_tracer_provider(provider)
        if isinstance(provider, HostProvider):
            kept = [one for one in provider.switch.senders if one not in self._senders]  # of another service's
            exporters = [_made(one.spans) for one in self._destinations if one.spans is not None]
            self._senders = tuple(BatchSpanProcessor(one) for one in exporters if one is not None)
            provider.switch.senders = (*kept, *self._senders)
        else:
            self.sampling = Sampling()
            log.info("the program has a tracer provider of its own, which takes the spans")
        self._provider = provider
        self._send_lines()

    def tracer(self) -> Tracer:
        """Where the host's own spans are made; starts, if that has not been done."""
        self.start()
        assert self._provider is not None
        tracer = self._provider.get_tracer(SCOPE, __version__)
        if isinstance(self._provider, HostProvider) and isinstance(tracer, SdkTracer):
            tracer.id_generator = self.ids
            limits = SpanLimits()
            is_unlimited = limits.max_span_attribute_length is None and (limits.max_span_attributes or MANY) >= MANY
            if self._maker is None and self.sampling.is_parent_based and is_unlimited:
                self._maker = self._maker_of(self._provider, tracer)
        return tracer

    def _maker_of(self, provider: HostProvider, tracer: Tracer) -> Maker:
        trial = tracer.start_span("", Context())  # sampled or not, it has the flags that the SDK gives a trace
        flags = TraceFlags(trial.get_span_context().trace_flags | TraceFlags.SAMPLED)
        scope = InstrumentationScope(SCOPE, __version__)
        maker = Maker(tracer, self.ids, provider.resource, scope, flags, provider.switch.on_end)
        provider.switch.makers.add(maker)
        return maker

    def maker(self) -> Maker | None:
        """What makes the host's own spans when they are over; None if others have a say in spans, or limits have."""
        provider = self._provider
        return self._maker if isinstance(provider, HostProvider) and provider.is_as_made else None

    def _leave(self, switch: Switch) -> None:
        """Send nothing any more, once it has been told of what is over."""
        if self._maker is not None:
            self._maker.flush()
        switch.senders = tuple(one for one in switch.senders if one not in self._senders)

    def _resource(self) -> Resource:
        own = {
            "service.name": self._service,
            "service.version": self._version,
            "service.instance.id": str(uuid.uuid4()),
        }
        said = OTELResourceDetector().detect().attributes  # by OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
        found = Resource.create({name: value for name, value in own.items() if name not in said})
        return HostResource(found.attributes, found.schema_url)

    def _send_lines(self) -> None:
        self._take_handlers_back()
        for logger in (logging.getLogger(HOST_LOGGER), logging.getLogger()):
            for handler in logger.handlers:
                handler.filters.insert(0, self._mark)  # before those that write what they find in a record
        for one in self._destinations:
            exporter = None if one.lines is None else _made(one.lines)
            if exporter is not None:
                self._send_lines_to(exporter, one.loggers)

    def _send_lines_to(self, exporter: LogRecordExporter, loggers: Sequence[str | None]) -> None:
        provider = LoggerProvider(self._resource(), shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        self._line_providers.append(provider)
        for name in loggers:
            logger, handler = logging.getLogger(name), RecordSender(provider)
            if name is not None and None in loggers and _reaches_root(logger):
                continue  # its records would be sent twice
            if name is None and logger.handlers:  # what is shown is sent
                handler.filters[:] = logger.handlers[0].filters
            logger.addHandler(handler)
            self._handlers.append((logger, handler))

    def _take_handlers_back(self) -> None:
        for logger, handler in self._handlers:
            logger.removeHandler(handler)
        self._handlers.clear()
        self._line_providers.clear()
        for logger in (logging.getLogger(HOST_LOGGER), logging.getLogger()):
            for handler in logger.handlers:
                handler.removeFilter(self._mark)

    def stop(self, within_s: float = LAST_S) -> None:
        """Send what waits, for so many seconds at most, and nothing any more. `start` may be called again."""
        if self._pid != os.getpid():
            return
        self._pid = 0
        ends = [one.shutdown for one in self._senders] + [one.shutdown for one in self._line_providers]
        self._take_handlers_back()
        if isinstance(self._provider, HostProvider):
            self._leave(self._provider.switch)
        self._senders = ()
        until_s = time.monotonic() + within_s
        # Each on a thread of its own: one that cannot be reached must not take the time of the others.
        threads = [threading.Thread(target=end, name="last-spans", daemon=True) for end in ends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        late = sum(thread.is_alive() for thread in threads)
        if late:
            log.warning("%d exporter(s) have not ended within %.0f s; the last spans or lines are lost", late, within_s)


def _made(make: Callable[[], T]) -> T | None:
    """An exporter; None, and a line of the log, if it cannot be made: the service goes on without it."""
    try:
        return make()
    except Exception as error:
        log.error("an exporter of OpenTelemetry cannot be made: %s: %s", type(error).__name__, error)
        return None


def _reaches_root(logger: logging.Logger) -> bool:
    above: logging.Logger | None = logger
    while above is not None and above.parent is not None:
        if not above.propagate:
            return False
        above = above.parent
    return True
