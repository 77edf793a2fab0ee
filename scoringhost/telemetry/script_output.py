"""What the script prints, as log lines with the id of their request.

`sys.stdout` is replaced, not `builtins.print`: every line written to it goes to the logger
`azmlinfsrv.print`. A line without its newline is kept until it is complete, the stream is flushed
or the call is over.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from scoringhost.telemetry.logs import PRINT_LOGGER


class ScriptOutput(io.TextIOBase):
    """A text stream that turns lines into log records; all else is asked of the stream behind it."""

    def __init__(self, behind: TextIO, log: Callable[[str, str], None] | None = None) -> None:
        self._behind = behind
        self._log = log or logging.getLogger(PRINT_LOGGER).info
        self._local = threading.local()
        self.unfinished: set[int] = set()
        """The threads that have written a line without its end."""

    def write(self, text: str) -> int:
        """Log the complete lines of `text`, keep the rest; answers its length in characters."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes str, not {type(text).__name__}")
        if getattr(self._local, "logging", False):  # a handler writes to sys.stdout itself
            return self._behind.write(text)
        kept = getattr(self._local, "kept", "") + text
        *lines, kept = kept.split("\n")
        self._keep(kept)
        for line in lines:
            self._emit(line)
        return len(text)

    def flush(self) -> None:
        """Log what was written without a newline so far."""
        kept = getattr(self._local, "kept", "")
        if kept:
            self._keep("")
            self._emit(kept)
        if not self._behind.closed:  # at the end of the process it may be closed first
            with suppress(OSError):  # what cannot be written is no failure of run()
                self._behind.flush()

    def _emit(self, line: str) -> None:
        line = line.rstrip("\r")
        if not line:
            return
        self._local.logging = True
        try:
            self._log("%s", line)
        finally:
            self._local.logging = False

    def _keep(self, text: str) -> None:
        self._local.kept = text
        (self.unfinished.add if text else self.unfinished.discard)(threading.get_ident())

    # -- what else a stream is asked ------------------------------------------------------------

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind."""
        return self._behind.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """The error handler of the stream behind."""
        return self._behind.errors

    @property
    def buffer(self) -> object:
        """The binary stream behind: bytes written to it are not touched."""
        return self._behind.buffer

    def __getattr__(self, name: str) -> Any:
        if name == "_behind":  # not made yet
            raise AttributeError(name)
        return getattr(self._behind, name)

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._behind.fileno()

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._behind.isatty()

    def writable(self) -> bool:
        """Yes."""
        return True


def capture() -> ScriptOutput:
    """Replace `sys.stdout` from now on, if there is none, too; to be called after logging has been set up."""
    if isinstance(sys.stdout, ScriptOutput):
        return sys.stdout
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open
    sys.stdout = output = ScriptOutput(sys.stdout)
    return output
