"""The log as JSON: one object on each line, for whatever collects logs.

A line of the log has time, level, logger, process, service, version and message, and the ids of the request that it
belongs to. The line of a request has its own figures beside (`request_entry`). Whatever is in a message, a traceback
with its lines, too, is one line.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

import orjson

from scoringhost.http.messages import HttpRequest
from scoringhost.http.stage_times import StageTimes
from scoringhost.kernel.call import request_id
from scoringhost.telemetry.logs import HOST_LOGGER, HostHandler
from scoringhost.telemetry.trace_ids import trace_ids


class Clock:
    """Writes moments in UTC as RFC 3339 has them, with milliseconds."""

    def __init__(self) -> None:
        self._second, self._text = -1, b""

    def text(self, at_ns: int) -> bytes:
        """A moment in ns since the epoch; the text of a second is made once."""
        second, rest_ns = divmod(at_ns, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second)).encode()
        return self._text + _MILLISECONDS[rest_ns // 1_000_000]


_MILLISECONDS = [b"%03dZ" % number for number in range(1000)]


class JsonFormatter(logging.Formatter):
    """Makes one JSON object of each record."""

    def __init__(self, service: str, version: str) -> None:
        super().__init__()
        self._clock, self._about = Clock(), {"service": service, "version": version}

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        fields: dict[str, Any] = {
            "time": self._clock.text(int(record.created * 1e9)).decode(),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            **self._about,
            "message": record.getMessage(),
        }
        own = getattr(record, "request_id", None) or request_id.get()
        if own:
            fields["request_id"] = own
        fields.update(trace_ids())
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        elif record.exc_text:
            fields["traceback"] = record.exc_text
        if record.stack_info:
            fields["stack"] = record.stack_info
        return as_line(fields).decode()


class JsonHostHandler(HostHandler):
    """Writes the host's lines as JSON; those of requests are gathered as `HostHandler` does."""

    def __init__(self, stream: Any, service: str, version: str) -> None:
        self._clock, self._about = Clock(), {"service": service, "version": version}
        super().__init__(stream)
        self.setFormatter(JsonFormatter(service, version))

    def _introduce(self) -> None:
        same = {"level": "INFO", "logger": HOST_LOGGER, "process": os.getpid(), **self._about}
        self._same = b'",' + as_line(same)[1:-1] + b","

    def _text(self, entries: list[Any]) -> str:
        """The lines of requests, each as its time, what is the same in all of them, and its own fields."""
        lines: list[bytes] = []
        for at_ns, fields in entries:
            lines += (b'{"time":"', self._clock.text(at_ns), self._same, as_line(fields)[1:], b"\n")
        return b"".join(lines).decode()


class JsonLog:
    """See `LogFormat`; service and version are in every line."""

    def __init__(self, service: str, version: str) -> None:
        self._service, self._version = service, version

    def formatter(self) -> logging.Formatter:
        """See `LogFormat`."""
        return JsonFormatter(self._service, self._version)

    def host_handler(self, stream: Any) -> HostHandler:
        """See `LogFormat`."""
        return JsonHostHandler(stream, self._service, self._version)


def request_entry(request: HttpRequest, status: int, elapsed_ms: float, size: int, whole: bool) -> tuple[int, Any]:
    """What the log says of a request, with the time (ns since the epoch).

    Stages that it has not been in are left out, and so is what is not known of its caller.
    """
    times = request.times or _NO_TIMES
    # All at once, and what is not known is taken out again: a dictionary that grows is laid out anew each time.
    # Whole microseconds: `round` takes twenty times as long as `int`.
    fields: dict[str, Any] = {
        "message": f"{request.method} {request.path} {status}",
        "request_id": request.ids.request,
        "method": request.method,
        "route": request.match.pattern,
        "path": request.path,
        "status": status,
        "total_ms": int(elapsed_ms * 1000) / 1000,
        "bytes_in": len(request.body),
        "bytes_out": size,
        "broken_off": not whole,
        "client": request.client,
        "caller": request.caller,
        "wait_ms": int(times.wait_s * 1e6) / 1000,
        "decode_ms": int(times.decode_s * 1e6) / 1000,
        "run_ms": int(times.run_s * 1e6) / 1000,
        "encode_ms": int(times.encode_s * 1e6) / 1000,
    }
    if request.client is None:
        del fields["client"]
    if not request.caller:
        del fields["caller"]
    if request.query:
        fields["query"] = request.query.decode("latin-1")
    if times.calls > 1:
        fields["batch_calls"] = times.calls
    if times.error:
        fields["error"] = times.error
    _take_out_absent(fields, times)
    if request.trace is not None:
        fields["trace_id"], fields["span_id"] = request.trace
    elif "opentelemetry.trace" in sys.modules:
        fields.update(trace_ids())
    return time.time_ns(), fields


_NO_TIMES = StageTimes()
"""Of a request whose stages nobody has timed."""


def _take_out_absent(fields: dict[str, Any], times: StageTimes) -> None:
    """Take the stages out that a request has not been in."""
    if times.wait_s < 0:
        del fields["wait_ms"]
    if times.decode_s < 0:
        del fields["decode_ms"]
    if times.run_s < 0:
        del fields["run_ms"]
    if times.encode_s < 0:
        del fields["encode_ms"]


def as_line(fields: dict[str, Any]) -> bytes:
    """The fields as JSON; what is no Unicode text in them (a lone surrogate) is escaped."""
    try:
        return orjson.dumps(fields)
    except TypeError:
        return json.dumps(fields, default=str).encode()
