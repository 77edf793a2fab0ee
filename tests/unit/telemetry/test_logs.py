"""Logging: where lines go, what is in them, and which of the script's own are shown."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.kernel.call import request_id
from scoringhost.telemetry import logs
from scoringhost.telemetry.logs import HOST_LOGGER, PRINT_LOGGER, HostHandler, LineFormatter, ScriptFilter, configure

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Put logging back as it was."""
    loggers = [logging.getLogger(), logging.getLogger(HOST_LOGGER), logging.getLogger(PRINT_LOGGER)]
    before = [(one, list(one.handlers), one.level, one.propagate, one.disabled) for one in loggers]
    yield
    for logger, handlers, level, propagate, disabled in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def record(message: str = "hello", name: str = "some.library", level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord(name, level, "file.py", 1, message, (), None)


# -- lines ----------------------------------------------------------------------------------------


def test_a_line_has_time_level_process_logger_and_message() -> None:
    line = LineFormatter().format(record())
    stamp, rest = line[:23], line[23:]
    assert stamp[4] == stamp[7] == "-"
    assert stamp[19] == ","
    assert rest == f" I [{record().process}] some.library - hello"


def test_times_are_utc() -> None:
    one = record()
    one.created, one.msecs = 0.25, 250.0
    assert LineFormatter().format(one).startswith("1970-01-01 00:00:00,250 ")


def test_a_line_ends_in_the_id_of_its_request() -> None:
    token = request_id.set("r-1")
    try:
        assert LineFormatter().format(record()).endswith("hello [r-1]")
    finally:
        request_id.reset(token)


def test_a_record_may_bring_an_id_of_its_own() -> None:
    one = record()
    one.request_id = "r-2"
    assert LineFormatter().format(one).endswith("hello [r-2]")


def test_an_id_cannot_make_a_line_of_its_own() -> None:
    one = record()
    one.request_id = "a\nb\x1b"
    assert LineFormatter().format(one).endswith("hello [a\\nb\\x1b]")


def test_a_traceback_follows_below() -> None:
    one = record()
    try:
        raise ValueError("broken")
    except ValueError:
        one.exc_info = sys.exc_info()
    first, *rest = LineFormatter().format(one).splitlines()
    assert first.endswith("hello")
    assert rest[-1] == "ValueError: broken"


# -- access lines ---------------------------------------------------------------------------------


def written(scenario: Callable[[HostHandler], Any]) -> list[str]:
    """The lines that a handler has written once its event loop has come to rest."""
    stream = io.StringIO()

    async def play() -> None:
        handler = HostHandler(stream)
        scenario(handler)
        await asyncio.sleep(3 * logs.GATHER_S)

    asyncio.run(play())
    return stream.getvalue().splitlines()


def names(text: str) -> list[str]:
    """What tells the lines apart: the target of an access line, the message of any other."""
    messages = [line.split(" - ")[1] for line in text.splitlines()]
    return [message.split()[1] if message.startswith("GET ") else message for message in messages]


def entry(target: str, own: str) -> logs.AccessEntry:
    return time.time_ns(), "GET", target, 200, 1.0, 7, own


def test_access_lines_look_like_all_others() -> None:
    [line] = written(lambda handler: handler.access((1_700_000_000_012_345_678, "GET", "/", 200, 1.23456, 7, "r-1")))
    assert line == f"2023-11-14 22:13:20,012 I [{record().process}] {HOST_LOGGER} - GET / 200 1.235ms 7 [r-1]"


def test_a_line_break_in_a_target_or_an_id_makes_no_second_line() -> None:
    [line] = written(lambda handler: handler.access((0, "GET", "/a\nb", 404, 0.5, 7, "r\r1")))
    assert line.endswith("GET /a\\nb 404 0.500ms 7 [r\\r1]")


def test_access_lines_are_gathered() -> None:
    stream = io.StringIO()

    async def play() -> str:
        handler = HostHandler(stream)
        handler.access(entry("one", "1"))
        handler.access(entry("two", "2"))
        before = stream.getvalue()
        await asyncio.sleep(3 * logs.GATHER_S)
        return before

    assert asyncio.run(play()) == ""
    assert names(stream.getvalue()) == ["one", "two"]


# BUG: an answer that is given while a run() blocks the event loop for good could not be logged.
def test_without_an_event_loop_an_access_line_is_written_at_once() -> None:
    stream = io.StringIO()
    HostHandler(stream).access(entry("one", "1"))
    assert names(stream.getvalue()) == ["one"]


def test_another_line_comes_after_the_access_lines_before_it() -> None:
    def scenario(handler: HostHandler) -> None:
        handler.access(entry("first", "1"))
        handler.emit(record("second"))
        handler.access(entry("third", "3"))

    assert names("\n".join(written(scenario))) == ["first", "second", "third"]


def test_flushing_writes_the_access_lines_that_wait() -> None:
    stream = io.StringIO()

    async def play() -> str:
        handler = HostHandler(stream)
        handler.access(entry("one", "1"))
        handler.flush()
        return stream.getvalue()

    assert names(asyncio.run(play())) == ["one"]


def test_an_access_line_survives_a_line_of_another_thread_in_between() -> None:
    # The script's thread prints, and so writes what waits, just before this thread adds its own line.
    class Raced(deque[Any]):
        handler: HostHandler

        def append(self, one: Any) -> None:
            self.handler.write_lines()
            super().append(one)

    def scenario(handler: HostHandler) -> None:
        handler._entries = Raced()
        handler._entries.handler = handler
        handler.access(entry("one", "1"))
        handler.access(entry("two", "2"))

    assert names("\n".join(written(scenario))) == ["one", "two"]


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no space left on device")

    async def play() -> None:
        handler = HostHandler(Full())
        handler.access(entry("one", "1"))
        handler.write_lines()

    asyncio.run(play())


# -- which lines are shown ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "level", "shown"),
    [
        ("root", logging.INFO, True),
        ("some.library", logging.INFO, False),
        ("some.library", logging.WARNING, True),
        ("script_sibling", logging.INFO, True),
        ("no_such_module", logging.INFO, False),
        ("near", logging.INFO, False),
    ],
)
def test_below_a_warning_only_the_scripts_own_lines_are_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, level: int, shown: bool
) -> None:
    for module, file in (("script_sibling", "/app/sub/sibling.py"), ("near", "/app2/near.py"), ("some.library", None)):
        found = types.ModuleType(module)
        found.__file__ = file
        monkeypatch.setitem(sys.modules, module, found)
    assert ScriptFilter(Path("/app")).filter(record(name=name, level=level)) is shown


def test_without_a_script_only_the_root_logger_is_its_own() -> None:
    assert ScriptFilter(None).filter(record(name="root"))
    assert not ScriptFilter(None).filter(record(name="logging"))


def test_by_default_the_host_writes_to_stdout_and_the_script_to_stderr(capsys: Capture) -> None:
    assert configure(None, None) == []
    logging.getLogger(HOST_LOGGER).info("from the host")
    logging.getLogger(PRINT_LOGGER).info("printed")
    logging.info("from the script")
    logging.getLogger("some.library").info("from a library")
    logging.getLogger("some.library").warning("of a library")
    out, err = capsys.readouterr()
    assert [line.split(" - ")[1] for line in out.splitlines()] == ["from the host", "printed"]
    assert [line.split(" - ")[1] for line in err.splitlines()] == ["from the script", "of a library"]


def test_by_default_debug_lines_are_not_shown(capsys: Capture) -> None:
    configure(None, None)
    logging.getLogger(HOST_LOGGER).debug("x")
    logging.debug("x")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("level", ["debug", "DEBUG"])
def test_a_level_holds_for_everything(capsys: Capture, level: str) -> None:
    assert configure(level, None) == []
    logging.getLogger(HOST_LOGGER).debug("host")
    logging.getLogger("some.library").debug("library")
    out, err = capsys.readouterr()
    assert "host" in out
    assert "library" in err


def test_a_high_level_silences_the_host_too(capsys: Capture) -> None:
    configure("ERROR", None)
    logging.getLogger(HOST_LOGGER).warning("x")
    logging.warning("x")
    assert capsys.readouterr() == ("", "")


def test_a_level_that_nobody_knows_is_ignored_with_a_warning(capsys: Capture) -> None:
    assert configure("chatty", None) == ["log level 'chatty' is ignored: it is none of DEBUG, INFO, WARNING, ERROR"]
    assert logging.getLogger(HOST_LOGGER).level == logging.INFO


def test_configuring_again_does_not_double_the_lines(capsys: Capture) -> None:
    configure(None, None)
    configure(None, None)
    logging.getLogger(HOST_LOGGER).info("once")
    assert capsys.readouterr().out.count("once") == 1


# -- the user's own configuration -----------------------------------------------------------------

OWN = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"own": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
    "loggers": {HOST_LOGGER: {"handlers": ["own"], "level": "ERROR", "propagate": False}},
}


def test_the_first_logging_json_replaces_everything(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "logging.json").write_text(json.dumps(OWN))
    assert configure("DEBUG", None, [tmp_path / "none", tmp_path]) == []
    logging.getLogger(HOST_LOGGER).info("quiet")
    logging.getLogger(HOST_LOGGER).error("loud")
    assert capsys.readouterr() == ("", "loud\n")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"version": 1, "handlers": {"a": {"class": "no.such.Class"}}}'])
def test_a_logging_json_that_cannot_be_used_is_ignored_with_a_warning(
    capsys: Capture, tmp_path: Path, content: str
) -> None:
    (tmp_path / "logging.json").write_text(content)
    [warning] = configure(None, None, [tmp_path])
    assert warning.startswith(f"{tmp_path / 'logging.json'} is ignored: ")
    logging.getLogger(HOST_LOGGER).info("by default")
    assert "by default" in capsys.readouterr().out
