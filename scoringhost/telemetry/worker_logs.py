"""Logging inside a process that has set up its own: the worker of Azure Functions.

The worker has a handler on the root logger that sends every record to the Functions host. It stays
the only one, so that no line is written twice; what is added are the ids of the request. The same
records are shown as elsewhere, beside the worker's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path

from scoringhost.kernel.call import request_id
from scoringhost.telemetry import logs

WORKER_LOGGERS = ("azure_functions", "azure.functions")

invocation_id: ContextVar[str] = ContextVar("scoringhost_invocation_id", default="")
"""What the Functions host calls the invocation that the current code works for."""


class RequestMark(logging.Filter):
    """Puts the id of the request, and of the invocation if there is one, behind the message."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark a record once; every record passes."""
        request = request_id.get()
        if request and not getattr(record, "has_request_mark", False):
            invocation = invocation_id.get()
            ids = f"{request}, invocation {invocation}" if invocation else request
            trace = getattr(record, "trace_id", "")
            if trace:
                ids = logs.with_trace(ids, (trace, getattr(record, "span_id", "")))
            try:
                message = record.getMessage()
            except Exception:
                return True  # the handler will complain of the arguments
            record.msg, record.args = f"{message} [{logs.one_line(ids)}]", ()
            record.has_request_mark = True
        return True


class WorkerFilter(logs.ScriptFilter):
    """Lets through what is shown elsewhere, the host's own lines, and those of the worker."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown."""
        return record.name.startswith((logs.HOST_LOGGER, *WORKER_LOGGERS)) or super().filter(record)


def configure(
    level: str | None, script: Path | None, own_folders: Iterable[Path] = (), format: logs.LogFormat = logs.TEXT
) -> list[str]:
    """Join the logging of this process, or set it up if it has none; answers warnings to log.

    A logging.json in `own_folders` replaces everything, as it does elsewhere. `format` is for a logging that is set
    up here; that of the process keeps its own.
    """
    root = logging.getLogger()
    folders = list(own_folders)
    if not root.handlers or any((folder / "logging.json").is_file() for folder in folders):
        return logs.configure(level, script, folders, format)
    number = logging.getLevelNamesMapping().get(level.upper()) if level else None
    host = logging.getLogger(logs.HOST_LOGGER)
    host.handlers.clear()
    host.propagate = True
    host.setLevel(number or logging.INFO)
    if number is not None:
        root.setLevel(number)
    for handler in root.handlers:
        handler.filters[:] = [one for one in handler.filters if not isinstance(one, (RequestMark, WorkerFilter))]
        if number is None:
            handler.addFilter(WorkerFilter(script.parent if script else None))
        handler.addFilter(RequestMark())
    return [logs.unknown_level(level)] if level and number is None else []
