"""Logging where somebody else has set it up: one line each, with the ids, and the same lines as elsewhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoringhost.kernel.call import request_id
from scoringhost.telemetry import worker_logs
from scoringhost.telemetry.logs import HOST_LOGGER, PRINT_LOGGER
from scoringhost.telemetry.worker_logs import invocation_id


class Sent(logging.Handler):
    """The worker's handler: keeps what it would send to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def sent() -> Iterator[Sent]:
    """A root logger with the worker's handler alone, as it was before afterwards."""
    root, host = logging.getLogger(), logging.getLogger(HOST_LOGGER)
    before = (list(root.handlers), root.level, list(host.handlers), host.level, host.propagate)
    handler = Sent()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    yield handler
    root.handlers[:], host.handlers[:] = before[0], before[2]
    root.setLevel(before[1])
    host.setLevel(before[3])
    host.propagate = before[4]


@pytest.fixture
def in_request() -> Iterator[None]:
    tokens = (request_id.set("mine"), invocation_id.set("theirs"))
    yield
    request_id.reset(tokens[0])
    invocation_id.reset(tokens[1])


def test_a_line_of_the_host_comes_once(sent: Sent) -> None:
    assert worker_logs.configure(None, None) == []
    logging.getLogger(HOST_LOGGER).info("loaded")
    logging.getLogger(PRINT_LOGGER).info("printed")
    assert sent.lines == ["loaded", "printed"]


@pytest.mark.usefixtures("in_request")
def test_a_line_of_a_request_ends_in_its_ids_once(sent: Sent) -> None:
    worker_logs.configure(None, None)
    worker_logs.configure(None, None)
    logging.getLogger(HOST_LOGGER).info("scored %d", 7)
    logging.info("of the script")
    assert sent.lines == ["scored 7 [mine, invocation theirs]", "of the script [mine, invocation theirs]"]


def test_a_line_break_in_an_id_makes_no_line_of_its_own(sent: Sent) -> None:
    worker_logs.configure(None, None)
    token = request_id.set("a\nb")
    logging.getLogger(HOST_LOGGER).info("x")
    request_id.reset(token)
    assert sent.lines == ["x [a\\nb]"]


def test_libraries_are_shown_from_warning_and_the_worker_from_info(sent: Sent) -> None:
    worker_logs.configure(None, None)
    for name in ("some.library", "azure_functions_worker", "azure.functions", "azure.core"):
        logging.getLogger(name).info("info of %s", name)
    logging.getLogger("some.library").warning("a warning")
    assert sent.lines == ["info of azure_functions_worker", "info of azure.functions", "a warning"]


def test_a_level_holds_for_everything(sent: Sent) -> None:
    assert worker_logs.configure("DEBUG", None) == []
    logging.getLogger("some.library").debug("chatter")
    logging.getLogger(HOST_LOGGER).debug("refused")
    assert sent.lines == ["chatter", "refused"]


def test_an_unknown_level_is_warned_about(sent: Sent) -> None:
    (warning,) = worker_logs.configure("LOUD", None)
    assert "LOUD" in warning
    logging.getLogger(HOST_LOGGER).info("loaded")
    assert sent.lines == ["loaded"]


@pytest.mark.usefixtures("in_request")
def test_a_record_with_wrong_arguments_is_left_to_the_handler() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%d", ("no number",), None)
    assert worker_logs.RequestMark().filter(record)
    assert record.args == ("no number",)


def test_the_users_logging_json_replaces_everything(sent: Sent, tmp_path: Path) -> None:
    settings = {"version": 1, "disable_existing_loggers": False, "loggers": {HOST_LOGGER: {"level": "ERROR"}}}
    (tmp_path / "logging.json").write_text(json.dumps(settings), encoding="utf-8")
    assert worker_logs.configure(None, None, [tmp_path]) == []
    assert logging.getLogger(HOST_LOGGER).level == logging.ERROR
