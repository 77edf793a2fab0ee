"""The ids of the trace that the current code works for, if traces are made at all."""

from __future__ import annotations

import sys
from typing import Any


def trace_ids() -> dict[str, str]:
    """trace_id and span_id of OpenTelemetry's current span, as in `traceparent`; empty if there is none.

    OpenTelemetry is not imported for this: where nobody has, there is no span.
    """
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return {}
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
