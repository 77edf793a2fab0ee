"""The log as JSON."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint, Match
from scoringhost.kernel.call import request_id
from scoringhost.kernel.stage_times import StageTimes
from scoringhost.telemetry import logs
from scoringhost.telemetry.json_lines import JsonFormatter, JsonHostHandler
from scoringhost.telemetry.log_observer import LogObserver

if TYPE_CHECKING:
    from collections.abc import Iterator


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter("wine", "3").format(record)
    assert "\n" not in text
    fields: dict[str, Any] = json.loads(text)
    return fields


def record(message: str, *args: object, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("some.logger", logging.WARNING, "file.py", 7, message, args, exc_info)


def test_a_line_has_time_level_logger_service_and_message() -> None:
    fields = line_of(record("%d rows", 3))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert isinstance(fields.pop("process"), int)
    assert fields == {
        "level": "WARNING",
        "logger": "some.logger",
        "service": "wine",
        "version": "3",
        "message": "3 rows",
    }


def test_a_line_within_a_request_has_its_id() -> None:
    before = request_id.set("an-id")
    assert line_of(record("x"))["request_id"] == "an-id"
    request_id.reset(before)
    assert "request_id" not in line_of(record("x"))


def test_a_traceback_is_one_line() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        fields = line_of(record("it failed\nbadly", exc_info=sys.exc_info()))
    assert fields["message"] == "it failed\nbadly"
    assert fields["traceback"].startswith("Traceback")
    assert fields["traceback"].endswith("ZeroDivisionError: division by zero")


def test_what_is_no_unicode_text_is_escaped() -> None:
    assert line_of(record("\ud800"))["message"] == "\ud800"


def test_the_ids_of_the_current_span_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    span = SimpleNamespace(is_valid=True, trace_id=0x0AF7651916CD43DD8448EB211C80319C, span_id=0xB7AD6B7169203331)
    trace = SimpleNamespace(get_current_span=lambda: SimpleNamespace(get_span_context=lambda: span))
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", trace)
    fields = line_of(record("x"))
    assert (fields["trace_id"], fields["span_id"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    span.is_valid = False
    assert "trace_id" not in line_of(record("x"))


# -- the lines of requests --------------------------------------------------------------------------


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    logger, out = logging.getLogger(logs.HOST_LOGGER), io.StringIO()
    before = list(logger.handlers), logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield out
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def said(
    out: io.StringIO, request: HttpRequest, status: int = 200, *, whole: bool = True, own: str = "an-id"
) -> dict[str, Any]:
    dialect: Any = SimpleNamespace(name="azureml")
    request.match = Match(dialect, Endpoint({}), "/models/{name}")
    request.ids = RequestIds(own, [])

    async def say() -> None:
        logging.getLogger(logs.HOST_LOGGER).handlers[:] = [JsonHostHandler(out, "wine", "3")]
        LogObserver().sent(request, HttpResponse(status, []), 1.2345, 77, whole)

    asyncio.run(say())
    logging.getLogger(logs.HOST_LOGGER).handlers[0].flush()
    (line,) = out.getvalue().splitlines()
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_the_line_of_a_request_says_all_that_is_known_of_it(out: io.StringIO) -> None:
    request = HttpRequest("POST", "/models/a\n", b"x=1", body=b"12345", client="10.0.0.1")
    request.caller = "primary"
    request.times = times = StageTimes()
    times.waited(0.001)
    times.decoded(0.00025)
    times.ran(0.25, 4, 8)
    times.encoded(0.0005)
    fields = said(out, request)
    del fields["time"], fields["process"]
    assert fields == {
        "level": "INFO",
        "logger": "azmlinfsrv",
        "service": "wine",
        "version": "3",
        "message": "POST /models/a\n 200",
        "request_id": "an-id",
        "method": "POST",
        "route": "/models/{name}",
        "path": "/models/a\n",
        "query": "x=1",
        "status": 200,
        "wait_ms": 1.0,
        "decode_ms": 0.25,
        "run_ms": 250.0,
        "batch_calls": 4,
        "encode_ms": 0.5,
        "total_ms": 1.234,
        "bytes_in": 5,
        "bytes_out": 77,
        "broken_off": False,
        "client": "10.0.0.1",
        "caller": "primary",
    }


@pytest.mark.parametrize("own", ['a"b', "a\\b", "a\tb", "é", "\udc80", 'x","status":"500'])
def test_whatever_a_caller_names_its_request_is_one_text(out: io.StringIO, own: str) -> None:
    assert said(out, HttpRequest("POST", "/score"), own=own)["request_id"] == own


def test_what_is_not_known_of_a_request_is_left_out(out: io.StringIO) -> None:
    fields = said(out, HttpRequest("GET", "/nowhere"), 404, whole=False)
    assert fields["broken_off"] is True
    assert not {"wait_ms", "run_ms", "client", "caller", "query", "trace_id"} & set(fields)
