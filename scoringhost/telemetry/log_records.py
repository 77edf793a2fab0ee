"""Log lines and traces: lines carry the ids of their span, and are sent as OpenTelemetry's log records."""

from __future__ import annotations

import logging
import time
import traceback

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.trace import get_current_span

from scoringhost.kernel.call import request_id

OF_SENDERS = ("opentelemetry", "azure.core", "azure.monitor", "urllib3", "grpc", "requests")
"""Loggers of whoever sends: what they say of a failure must not be sent again, over and over."""

NS = 1_000_000_000


class TraceMark(logging.Filter):
    """Gives each record `trace_id` and `span_id`, in hexadecimal, if there is a span."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark a record; every record passes."""
        ids = get_current_span().get_span_context()
        if ids.is_valid:
            record.trace_id, record.span_id = f"{ids.trace_id:032x}", f"{ids.span_id:016x}"
        return True


class RecordSender(logging.Handler):
    """Hands each record to a provider, which queues it."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over, unless it is about the sending itself."""
        if record.name.startswith(OF_SENDERS):
            return
        try:
            self._provider.get_logger(record.name).emit(_translated(record))
        except Exception:
            self.handleError(record)


SEVERITIES = (
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
    (logging.DEBUG, SeverityNumber.DEBUG),
)


def _severity(level: int) -> SeverityNumber:
    return next((severity for least, severity in SEVERITIES if level >= least), SeverityNumber.TRACE)


def _translated(record: logging.LogRecord) -> LogRecord:
    attributes: dict[str, str | int] = {
        "code.file.path": record.pathname,
        "code.function.name": record.funcName or "",
        "code.line.number": record.lineno,
        "thread.id": record.thread or 0,
    }
    own = getattr(record, "request_id", None) or request_id.get()
    if own:
        attributes["scoringhost.request_id"] = own
    if record.exc_info and record.exc_info[0] is not None:
        attributes["exception.type"] = record.exc_info[0].__qualname__
        attributes["exception.message"] = str(record.exc_info[1])
        attributes["exception.stacktrace"] = "".join(traceback.format_exception(*record.exc_info))
    return LogRecord(
        timestamp=int(record.created * NS),
        observed_timestamp=time.time_ns(),
        context=get_current(),
        severity_text=record.levelname,
        severity_number=_severity(record.levelno),
        body=record.getMessage(),
        attributes=attributes,
    )
