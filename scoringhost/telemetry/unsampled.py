"""Requests that are not sampled: what they hand on, and what keeps them out of others' traces."""

from __future__ import annotations

from opentelemetry.context import Context, attach
from opentelemetry.trace import NonRecordingSpan, SpanContext

from scoringhost.errors import ScoringHostError

LEAD = "scoringhost.traces"
"""Under which the first traced call of a batch leaves itself for the others."""


class Quiet(NonRecordingSpan):
    """The span of a request that is not sampled, for what it hands on. Its ids are numbers when somebody asks.

    ids: of the trace and of the span, in hexadecimal; to be set at once. Most requests make one, and calling an
    `__init__` takes as long as all else of it.
    """

    ids: tuple[str, str]
    _numbers: SpanContext | None = None
    __init__ = object.__init__

    def get_span_context(self) -> SpanContext:
        """The ids."""
        numbers = self._numbers
        if numbers is None:
            trace, own = self.ids
            numbers = self._numbers = SpanContext(int(trace, 16), int(own, 16), is_remote=False)
        return numbers

    def __repr__(self) -> str:
        return f"Quiet({self.ids!r})"


class Unsampled:
    """A request that is not sampled, where calls are batched: its run() must not be told to belong to another's trace.

    See `Stages`.
    """

    __slots__ = ("_context",)
    is_plain = False

    def __init__(self, context: Context) -> None:
        self._context = context

    def waits(self) -> None:
        """See `Stages`."""

    def joins(self, batch: dict[str, object]) -> None:
        """See `Stages`."""
        if LEAD not in batch:
            attach(self._context)

    def waited(self, seconds: float) -> None:
        """See `Stages`."""

    def decoded(self, seconds: float) -> None:
        """See `Stages`."""

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        """See `Stages`."""

    def encoded(self, seconds: float) -> None:
        """See `Stages`."""

    def failed(self, error: ScoringHostError) -> None:
        """See `Stages`."""

    def sent(self, status: int, size: int, whole: bool) -> None:
        """See `Stages`."""
