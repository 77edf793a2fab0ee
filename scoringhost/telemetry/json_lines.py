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
from scoringhost.kernel.call import request_id
from scoringhost.kernel.stage_times import StageTimes
from scoringhost.telemetry.logs import HOST_LOGGER, HostHandler
from scoringhost.telemetry.trace_ids import trace_ids


class Clock:
    """Writes moments in UTC as RFC 3339 has them, with milliseconds."""

    def __init__(self) -> None:
        self._ms, self._text = -1, ""
        self._second, self._front = -1, ""

    def text(self, at_ns: int) -> str:
        """A moment in ns since the epoch; under load many lines are of one millisecond."""
        ms = at_ns // 1_000_000
        if ms != self._ms:
            self._ms = ms
            second, rest = divmod(ms, 1000)
            if second != self._second:
                self._second = second
                self._front = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._text = self._front + _MILLISECONDS[rest]
        return self._text


_MILLISECONDS = [f"{number:03d}Z" for number in range(1000)]


class JsonFormatter(logging.Formatter):
    """Makes one JSON object of each record."""

    def __init__(self, service: str, version: str) -> None:
        super().__init__()
        self._clock, self._about = Clock(), {"service": service, "version": version}

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        fields: dict[str, Any] = {
            "time": self._clock.text(int(record.created * 1e9)),
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
        return f"{{{inside(fields)}}}"


class JsonHostHandler(HostHandler):
    """Writes the host's lines as JSON; those of requests are gathered as `HostHandler` does."""

    def __init__(self, stream: Any, service: str, version: str) -> None:
        self._clock, self._about = Clock(), {"service": service, "version": version}
        super().__init__(stream)
        self.setFormatter(JsonFormatter(service, version))

    def _introduce(self) -> None:
        same = {"level": "INFO", "logger": HOST_LOGGER, "process": os.getpid(), **self._about}
        self._same = f'",{inside(same)},'

    def _text(self, entries: list[JsonEntry]) -> str:
        """The lines of requests: most of each is put together from texts that are there already.

        A dictionary of all fields takes longer to make and write.
        """
        moment, same, ms, lines = self._clock.text, self._same, _MS, []
        for at_ns, about, own, wait_s, decode_s, run_s, encode_s, total_ms, size_in, size_out, more in entries:
            if wait_s < 0 or decode_s < 0 or run_s < 0 or encode_s < 0:
                lines.append(
                    f'{{"time":"{moment(at_ns)}{same}{about},"request_id":"{own}"'
                    f',"total_ms":{ms[total_ms * 1e3 + _WHOLE]},"bytes_in":{size_in},"bytes_out":{size_out}'
                    f"{_some_stages(wait_s, decode_s, run_s, encode_s)}{more}}}\n"
                )
                continue
            lines.append(
                f'{{"time":"{moment(at_ns)}{same}{about},"request_id":"{own}"'
                f',"total_ms":{ms[total_ms * 1e3 + _WHOLE]},"bytes_in":{size_in},"bytes_out":{size_out}'
                f',"wait_ms":{ms[wait_s * 1e6 + _WHOLE]},"decode_ms":{ms[decode_s * 1e6 + _WHOLE]}'
                f',"run_ms":{ms[run_s * 1e6 + _WHOLE]},"encode_ms":{ms[encode_s * 1e6 + _WHOLE]}{more}}}\n'
            )
        return "".join(lines)


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


JsonEntry = tuple[int, str, str, float, float, float, float, float, int, int, str]
"""Of a request: time (ns since the epoch), what many have in common, its id, seconds of its stages, milliseconds in
all, bytes in and out, and what else there is, as JSON. Not its StageTimes: a run() may end after the answer was sent.
"""


def request_entry(request: HttpRequest, status: int, elapsed_ms: float, size: int, whole: bool) -> JsonEntry:
    """What the log says of a request; what is not known of its caller is left out."""
    times, trace, ids = request.times or _NO_TIMES, request.trace, request.ids
    more = ""
    if trace is not None:
        more = f',"trace_id":"{trace[0]}","span_id":"{trace[1]}"'
    elif "opentelemetry.trace" in sys.modules:
        more = _with_comma(trace_ids())
    if request.query or times.calls > 1 or times.error:
        more += _with_comma(_unusual(request, times))
    return (
        time.time_ns(),
        _ABOUT[request.method, request.path, request.match.pattern, status, whole, request.client, request.caller],
        ids.request if ids.is_drawn else inside([ids.request])[1:-1],
        times.wait_s,
        times.decode_s,
        times.run_s,
        times.encode_s,
        elapsed_ms,
        len(request.body),
        size,
        more,
    )


_NO_TIMES = StageTimes()
"""Of a request whose stages nobody has timed."""


_WHOLE = 1.5 * 2.0**52
"""Added to a number, it leaves the next whole one: doubles as large as that have no fractions. `int` takes eight times
as long."""


class _Milliseconds(dict[float, str]):
    """Microseconds, to which _WHOLE is added, as milliseconds are written; short times, most of all, only once."""

    def __missing__(self, shifted: float) -> str:
        us = shifted - _WHOLE
        text = f"{us / 1000}"
        if us < KEPT:
            self[shifted] = text
        return text


class _About(dict[tuple[Any, ...], str]):
    """What is the same in many lines: of what kind the request was, how it was answered, and who has sent it."""

    def __missing__(self, key: tuple[Any, ...]) -> str:
        method, path, route, status, whole, client, caller = key
        fields = {"message": f"{method} {path} {status}", "method": method, "route": route, "path": path}
        fields |= {"status": status, "broken_off": not whole}
        if client is not None:
            fields["client"] = client
        if caller:
            fields["caller"] = caller
        text = inside(fields)
        if len(text) < KEPT:  # callers choose paths, and there may be many callers
            if len(self) >= KEPT:
                self.clear()
            self[key] = text
        return text


KEPT = 1000
"""Texts that are kept of each sort, and the characters of the longest."""
_MS = _Milliseconds()
_ABOUT = _About()


def _some_stages(wait_s: float, decode_s: float, run_s: float, encode_s: float) -> str:
    stages = (("wait", wait_s), ("decode", decode_s), ("run", run_s), ("encode", encode_s))
    return "".join([f',"{name}_ms":{_MS[spent_s * 1e6 + _WHOLE]}' for name, spent_s in stages if spent_s >= 0])


def _unusual(request: HttpRequest, times: StageTimes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if request.query:
        fields["query"] = request.query.decode("latin-1")
    if times.calls > 1:
        fields["batch_calls"] = times.calls
    if times.error:
        fields["error"] = times.error
    return fields


def _with_comma(fields: dict[str, Any]) -> str:
    return f",{inside(fields)}" if fields else ""


def inside(values: dict[str, Any] | list[str]) -> str:
    """The values as JSON without its braces or brackets; what is no Unicode text (a lone surrogate) is escaped."""
    try:
        return orjson.dumps(values)[1:-1].decode()
    except TypeError:
        return json.dumps(values, default=str)[1:-1]
