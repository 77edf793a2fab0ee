"""Logging: where lines go, what is in them, and which of the script's own are shown.

The logger names are azmlinfsrv's, because users' logging.json files name them: `azmlinfsrv` for the
host, `azmlinfsrv.print` for what the script prints. A line ends in the id of its request.

Shown by default: everything of the host from INFO; `logging.info(...)` of the script and of loggers
named after its modules (`getLogger(__name__)`) from INFO; all other loggers, which are libraries',
from WARNING. With a log level set, that level holds for everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import logging.config
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from scoringhost.kernel.call import request_id
from scoringhost.process.at_fork import in_child
from scoringhost.telemetry.line_writer import LineWriter, line_writers

HOST_LOGGER = "azmlinfsrv"
PRINT_LOGGER = "azmlinfsrv.print"

_FORMAT = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s%(in_request)s"


class LineFormatter(logging.Formatter):
    """azmlinfsrv's layout in UTC, with the request id behind the message."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it if there is one."""
        own = getattr(record, "request_id", None) or request_id.get()
        trace = getattr(record, "trace_id", "")
        if trace:
            own = with_trace(own, (trace, getattr(record, "span_id", "")))
        record.in_request = f" [{one_line(own)}]" if own else ""
        return super().format(record)


def one_line(text: str) -> str:
    """The text with everything unprintable escaped: a line break must not make a line of its own."""
    return text if text.isprintable() else ascii(text)[1:-1]


def with_trace(own: str, trace: tuple[str, str]) -> str:
    """The id of a request, with the ids of its trace and span."""
    return f"{own} trace={trace[0]} span={trace[1]}".lstrip()


AccessEntry = tuple[int, str, str, int, float, int | str, str]
"""Time (ns since the epoch), method, target, status, milliseconds, bytes of the body and who has called, request id."""

_THOUSANDTHS = [f"{number:03d}" for number in range(1000)]
GATHER_S = 0.01
"""Seconds that an access line may wait to be written."""


class LineHandler(logging.StreamHandler[Any]):
    """Writes lines to a LineWriter, or to any other text stream."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.setFormatter(LineFormatter())

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, unless a filter is against it."""
        if isinstance(self.stream, LineWriter):
            self.stream.give_way()
        return super().handle(record)

    def close(self) -> None:
        """At the end of the process: give whoever reads the log a moment to take what waits."""
        self.flush()
        if isinstance(self.stream, LineWriter):
            self.stream.finish()
        super().close()


class HostHandler(LineHandler):
    """Writes the host's lines. Access lines are gathered for a hundredth of a second and written together.

    Formatting one line through `logging` takes as long as a small request; `access` does without,
    and whatever else is logged finds the lines before it written.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._entries: deque[Any] = deque()
        self._second, self._stamp = 0, ""
        self._introduce()
        in_child(self._forked)

    def _introduce(self) -> None:
        self._who = f" I [{os.getpid()}] {HOST_LOGGER} - "

    def _forked(self) -> None:
        self._introduce()
        self._entries.clear()

    def access(self, entry: Any) -> None:
        """Log one request, an AccessEntry here; to be called on the event loop, or in its place while it is blocked."""
        if not self._entries:
            try:
                asyncio.get_running_loop().call_later(GATHER_S, self.write_lines)
            except RuntimeError:  # a run() that does not end blocks it, and the process is about to be ended
                self._entries.append(entry)
                self.write_lines()
                return
        self._entries.append(entry)  # no lock: only this thread appends, and while one waits a timer is set

    def write_lines(self) -> None:
        """Write the access lines that wait."""
        if not self._entries:
            return
        self.acquire()
        try:
            waiting = [self._entries.popleft() for _ in range(len(self._entries))]
            self.stream.write(self._text(waiting))
            self.stream.flush()
        except OSError:
            return  # the log cannot be written; requests go on
        finally:
            self.release()

    def _text(self, entries: list[Any]) -> str:
        return "".join(map(self._line, entries))

    def _line(self, entry: AccessEntry) -> str:
        at_ns, method, target, status, elapsed_ms, length, own = entry
        second, rest_ns = divmod(at_ns, 1_000_000_000)
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%d %H:%M:%S,", time.gmtime(second))
        if not (target.isprintable() and own.isprintable()):
            target, own = one_line(target), one_line(own)
        moment = _THOUSANDTHS[rest_ns // 1_000_000]
        return f"{self._stamp}{moment}{self._who}{method} {target} {status} {elapsed_ms:.3f}ms {length} [{own}]\n"

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, after the access lines that came before it."""
        self.write_lines()
        super().emit(record)

    def flush(self) -> None:
        """Write everything that waits."""
        self.write_lines()
        super().flush()


class ScriptFilter(logging.Filter):
    """Lets through the root logger, loggers named after modules of the script's folder, and warnings."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self._folder = f"{folder}{os.sep}" if folder else None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record below WARNING is the script's own."""
        return record.levelno >= logging.WARNING or record.name == "root" or self._is_of_script(record.name)

    def _is_of_script(self, name: str) -> bool:
        file = getattr(sys.modules.get(name), "__file__", None)
        return self._folder is not None and isinstance(file, str) and file.startswith(self._folder)


class LogFormat(Protocol):
    """What a line of the log looks like."""

    def formatter(self) -> logging.Formatter:
        """Makes a line of a record."""

    def host_handler(self, stream: Any) -> HostHandler:
        """Writes the host's lines to a stream."""


class TextLog:
    """azmlinfsrv's lines."""

    def formatter(self) -> logging.Formatter:
        """See `LogFormat`."""
        return LineFormatter()

    def host_handler(self, stream: Any) -> HostHandler:
        """See `LogFormat`."""
        return HostHandler(stream)


TEXT = TextLog()


def configure(
    level: str | None, script: Path | None, own_folders: Iterable[Path] = (), format: LogFormat = TEXT
) -> list[str]:
    """Set logging up for the process; answers warnings to log.

    The first logging.json in `own_folders` replaces all of it, as with azmlinfsrv.
    """
    for folder in own_folders:
        path = folder / "logging.json"
        if path.is_file():
            try:
                logging.config.dictConfig(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError, AttributeError, ImportError) as problem:
                return [*_configure_default(level, script, format), f"{path} is ignored: {problem}"]
            return []
    return _configure_default(level, script, format)


def _configure_default(level: str | None, script: Path | None, format: LogFormat) -> list[str]:
    number = logging.getLevelNamesMapping().get(level.upper()) if level else None
    out, err = line_writers(sys.stdout, sys.stderr, partial(_dropped, format.formatter()))
    host = logging.getLogger(HOST_LOGGER)
    host.handlers[:] = [format.host_handler(out)]
    host.propagate = False
    host.setLevel(number or logging.INFO)
    script_lines = LineHandler(err)
    script_lines.setFormatter(format.formatter())
    if number is None:
        script_lines.addFilter(ScriptFilter(script.parent if script else None))
    root = logging.getLogger()
    root.handlers[:] = [script_lines]
    root.setLevel(number or logging.INFO)
    return [unknown_level(level)] if level is not None and number is None else []


@contextlib.contextmanager
def showing_the_script(folder: Path | None) -> Iterator[None]:
    """Show on standard error meanwhile what a script logs, as `serve` does; of the host and of libraries warnings only.

    For a process that has one request to make, and prints its answer.
    """
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("%(levelname).1s %(name)s - %(message)s"))
    lines.addFilter(ScriptFilter(folder))
    root, host = logging.getLogger(), logging.getLogger(HOST_LOGGER)
    before = root.level, host.level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    host.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(lines)
        root.setLevel(before[0])
        host.setLevel(before[1])


def unknown_level(level: str) -> str:
    """The warning about a level that there is not."""
    return f"log level {level!r} is ignored: it is none of DEBUG, INFO, WARNING, ERROR"


def _dropped(formatter: logging.Formatter, lines: int) -> str:
    """The line in place of others; it belongs to no request."""
    message = f"{lines} lines of the log are missing here: they could not be written, or nobody read them"
    record = logging.LogRecord(HOST_LOGGER, logging.WARNING, "", 0, message, (), None)
    return contextvars.Context().run(formatter.format, record) + "\n"
