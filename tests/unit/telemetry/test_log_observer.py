"""LogObserver: what happens, as log lines."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.errors import (
    DeadlineExceeded,
    MissingParameter,
    Overloaded,
    ResultNotEncodable,
    RunFailed,
    UnknownRoute,
)
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint, Match
from scoringhost.telemetry.log_observer import LogObserver
from scoringhost.telemetry.logs import HOST_LOGGER, HostHandler


class Kept(logging.Handler):
    """Keeps (level, message)."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, record.getMessage()))


@pytest.fixture
def kept() -> Iterator[Kept]:
    logger, handler = logging.getLogger(HOST_LOGGER), Kept()
    before = list(logger.handlers), logger.level, logger.propagate
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield handler
    logger.handlers[:] = before[0]
    logger.setLevel(before[1])
    logger.propagate = before[2]


async def never():
    yield b""


def exchange(
    path: str = "/score",
    query: bytes = b"",
    body: object = b"12345",
    *,
    logged: bool = True,
    deprecated: bool = False,
    whole: bool = True,
) -> tuple[HttpRequest, HttpResponse, float, int, bool]:
    request = HttpRequest("POST", path, query)
    request.ids = RequestIds("r-1", [], deprecated=deprecated)
    request.match = Match(OtherEndpoints({}), Endpoint({}, logged=logged), path)
    return request, HttpResponse(200, [], body), 1.23456, 5, whole  # type: ignore[arg-type]


def test_every_state_has_a_line(kept: Kept) -> None:
    LogObserver().state_changed("default", "ready")
    assert kept.lines == [("INFO", "service default is ready")]


def test_a_service_that_has_been_given_a_name_is_called_by_it(kept: Kept) -> None:
    LogObserver("wine:2").state_changed("default", "ready")
    assert kept.lines == [("INFO", "service wine:2 is ready")]


def raised(error: BaseException) -> RunFailed:
    failure = RunFailed()
    failure.__cause__ = error
    return failure


# BUG: at 3 a.m. the log had the 400, but neither why nor from whom.
def test_a_refused_request_is_logged_with_its_reason_and_its_client(kept: Kept) -> None:
    request, *_ = exchange()
    request.client = "203.0.113.7"
    LogObserver().refused(request, MissingParameter("a", ["a"]), 400)
    [(level, message)] = kept.lines
    assert level == "INFO"
    assert message == "400 to 203.0.113.7: A value is not provided for the 'a' parameter; run() takes a"


def test_a_refused_request_from_nobody_known_is_logged_all_the_same(kept: Kept) -> None:
    LogObserver().refused(exchange()[0], Overloaded("full"), 503)
    assert kept.lines == [("INFO", "503 to an unknown client: full")]


def test_the_reason_of_a_refusal_is_one_line_of_bearable_length(kept: Kept) -> None:
    LogObserver().refused(exchange()[0], UnknownRoute("/a\nb" + "x" * 5000), 404)
    [(_, message)] = kept.lines
    assert message.isprintable()
    assert len(message) < 1100


def test_a_health_probe_that_is_refused_has_no_line(kept: Kept) -> None:
    LogObserver().refused(exchange("/", logged=False)[0], Overloaded("starting"), 503)
    assert kept.lines == []


# BUG: the line said that an unexpected error had occurred, and to check the logs for more.
def test_the_line_of_a_failed_run_begins_with_the_exception(kept: Kept) -> None:
    LogObserver().run_failed("default", raised(ValueError("100 %s")), "Traceback:\nValueError: 100 %s")
    assert kept.lines == [("ERROR", "ValueError: 100 %s (run() failed)\nTraceback:\nValueError: 100 %s")]


def test_of_an_exception_with_several_lines_the_first_is_enough(kept: Kept) -> None:
    LogObserver().run_failed("default", raised(ValueError("one\ntwo")), "")
    assert kept.lines == [("ERROR", "ValueError: one (run() failed)")]


def test_an_exception_that_cannot_be_printed_is_named_by_its_type(kept: Kept) -> None:
    class Nasty(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    LogObserver().run_failed("default", raised(Nasty()), "")
    assert "Nasty" in kept.lines[0][1]
    assert "(run() failed)" in kept.lines[0][1]


def test_a_shutdown_that_fails_is_called_that(kept: Kept) -> None:
    failure = RunFailed("shutdown")
    failure.__cause__ = OSError("disk")
    LogObserver().run_failed("default", failure, "")
    assert kept.lines == [("ERROR", "OSError: disk (shutdown() failed)")]


def test_a_failure_without_a_traceback_is_one_line(kept: Kept) -> None:
    LogObserver().run_failed("default", RunFailed(), "")
    assert "\n" not in kept.lines[0][1]


def test_a_run_that_took_too_long_is_called_that(kept: Kept) -> None:
    LogObserver().run_failed("default", DeadlineExceeded(0.5), "Still running")
    assert kept.lines == [("ERROR", "run() took too long: Scoring timeout after 500 ms\nStill running")]


def test_what_the_owner_should_know_is_a_warning(kept: Kept) -> None:
    LogObserver().noticed("default", "mind the 100 % gap")
    assert kept.lines == [("WARNING", "mind the 100 % gap")]


def test_a_defect_of_ours_asks_for_a_report(kept: Kept) -> None:
    LogObserver().broke("Traceback: x")
    assert kept.lines == [("ERROR", "scoringhost failed on a request; please report it\nTraceback: x")]


def test_an_access_line_has_method_path_status_milliseconds_and_bytes(kept: Kept) -> None:
    LogObserver().sent(*exchange())
    assert kept.lines == [("INFO", "POST /score 200 1.235ms 5")]


def test_an_access_line_has_the_query(kept: Kept) -> None:
    LogObserver().sent(*exchange(query=b"a=1&b=100%25"))
    assert kept.lines == [("INFO", "POST /score?a=1&b=100%25 200 1.235ms 5")]


@pytest.mark.parametrize(("path", "query"), [("/a\nb", b""), ("/a", b"\n"), ("/\x1b[2J", b""), ("/\u2028", b"")])
def test_a_path_cannot_make_a_line_of_its_own(kept: Kept, path: str, query: bytes) -> None:
    LogObserver().sent(*exchange(path, query))
    assert kept.lines[0][1].isprintable()


def test_a_stream_that_broke_off_is_called_that(kept: Kept) -> None:
    LogObserver().sent(*exchange(body=never(), whole=False))
    assert kept.lines[0][1].endswith(" 5 (broken off)")


def test_a_health_probe_has_no_line(kept: Kept) -> None:
    LogObserver().sent(*exchange("/", logged=False))
    assert kept.lines == []


def test_a_deprecated_header_is_warned_of(kept: Kept) -> None:
    LogObserver().sent(*exchange("/", logged=False, deprecated=True))
    assert kept.lines == [
        ("WARNING", "the header x-ms-request-id is deprecated; send x-ms-client-request-id"),
    ]


def test_above_info_there_are_no_access_lines(kept: Kept) -> None:
    logging.getLogger(HOST_LOGGER).setLevel(logging.WARNING)
    LogObserver().sent(*exchange())
    assert kept.lines == []


def test_the_hosts_own_handler_writes_access_lines_the_short_way(kept: Kept) -> None:
    stream = io.StringIO()

    async def play() -> None:
        handler = HostHandler(stream)
        logging.getLogger(HOST_LOGGER).handlers[:] = [handler]
        LogObserver().sent(*exchange())
        handler.flush()

    asyncio.run(play())
    assert stream.getvalue().endswith("azmlinfsrv - POST /score 200 1.235ms 5 [r-1]\n")


# BUG: what cannot be encoded was named, and nobody said what to do.
def test_a_result_that_cannot_be_encoded_is_logged_with_its_remedy(kept: Kept) -> None:
    LogObserver().run_failed("default", ResultNotEncodable("a value of type range"), "")
    [(level, message)] = kept.lines
    assert level == "ERROR"
    assert "a value of type range\nReturn JSON's own types, arrays, frames" in message


# BUG: the documentation promised the name of the key in the log, and only the JSON log had it.
def test_the_line_of_a_request_ends_in_the_name_of_its_caller_if_there_is_one(kept: Kept) -> None:
    request, response, elapsed_ms, size, whole = exchange()
    request.caller = "primary\n"
    LogObserver().sent(request, response, elapsed_ms, size, whole)
    assert kept.lines == [("INFO", "POST /score 200 1.235ms 5 by primary\\n")]


def test_the_hosts_own_handler_writes_the_name_of_the_caller(kept: Kept) -> None:
    out = io.StringIO()
    handler = HostHandler(out)
    logging.getLogger(HOST_LOGGER).handlers[:] = [handler]
    request, response, elapsed_ms, size, whole = exchange()
    request.caller = "CN=edge 7\n"

    async def send() -> None:
        LogObserver().sent(request, response, elapsed_ms, size, whole)
        handler.write_lines()

    asyncio.run(send())
    assert out.getvalue().endswith(" azmlinfsrv - POST /score 200 1.235ms 5 by CN=edge 7\\n [r-1]\n")
