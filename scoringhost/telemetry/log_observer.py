"""LogObserver: writes what happens to the log."""

from __future__ import annotations

import logging
import time
import traceback as tracebacks

from scoringhost.errors import DeadlineExceeded, RunFailed, ScoringHostError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.telemetry.json_lines import JsonHostHandler, request_entry
from scoringhost.telemetry.logs import HOST_LOGGER, HostHandler, one_line, with_trace

LONGEST_REASON = 1000
"""Characters of the reason for a refusal that are logged; some quote what the caller has sent."""


class LogObserver:
    """One access line for each request but health probes; tracebacks of failures; states."""

    def __init__(self, name: str = "") -> None:
        """`name`: what the service is called in the log; empty for the kernel's own name of it."""
        self._name = name
        self._log = logging.getLogger(HOST_LOGGER)

    # -- kernel -----------------------------------------------------------------------------------

    def state_changed(self, service: str, state: str) -> None:
        """A line for each state."""
        self._log.info("service %s is %s", self._name or service, state)

    def call_refused(self, service: str, error: ScoringHostError) -> None:
        """Nothing: `refused` says so, and to whom."""

    def run_failed(self, service: str, error: ScoringHostError, traceback: str) -> None:
        """The failure, its exception first, with the user's traceback."""
        if isinstance(error, DeadlineExceeded):
            what = f"run() took too long: {error}"
        elif isinstance(error, RunFailed) and error.__cause__ is not None:
            what = f"{_first_line(error.__cause__)} ({error.function}() failed)"
        else:
            what = f"run() failed: {error}"
        more = traceback or getattr(error, "remedy", "")
        self._log.error("%s%s", what, f"\n{more}" if more else "")

    def noticed(self, service: str, message: str) -> None:
        """A warning."""
        self._log.warning("%s", message)

    # -- HTTP -------------------------------------------------------------------------------------

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """The access line: method, path with query, status, milliseconds, bytes, and who has called, if that is known.

        For a stream at its end.
        """
        ids = request.ids
        if ids.deprecated:
            self._log.warning("the header x-ms-request-id is deprecated; send x-ms-client-request-id")
        if not request.match.is_logged or not self._log.isEnabledFor(logging.INFO):
            return
        handlers = self._log.handlers
        handler = handlers[0] if len(handlers) == 1 else None
        if type(handler) is JsonHostHandler:
            handler.access(request_entry(request, response.status, elapsed_ms, size, whole))
            return
        target = request.path if not request.query else f"{request.path}?{request.query.decode('latin-1')}"
        method, status = request.method, response.status
        length: int | str = size if whole else f"{size} (broken off)"
        if request.caller:
            length = f"{length} by {one_line(request.caller)}"
        if type(handler) is HostHandler:
            own = ids.request if request.trace is None else with_trace(ids.request, request.trace)
            handler.access((time.time_ns(), method, target, status, elapsed_ms, length, own))
            return
        if not target.isprintable():  # a line break in a path must not make a line of its own
            target = ascii(target)[1:-1]
        self._log.info("%s", f"{method} {target} {status} {elapsed_ms:.3f}ms {length}")

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        """Why a request was refused, and whose it was."""
        if not request.match.is_logged or not self._log.isEnabledFor(logging.INFO):
            return
        reason = one_line(str(error)[:LONGEST_REASON])
        self._log.info("%d to %s: %s", status, request.client or "an unknown client", reason)

    def broke(self, traceback: str) -> None:
        """A defect of the host's own."""
        self._log.error("scoringhost failed on a request; please report it\n%s", traceback)


def _first_line(error: BaseException) -> str:
    """An exception as Python names it; its type alone if its text cannot be had."""
    try:
        lines = tracebacks.format_exception_only(error)
        return next(line for line in lines if not line.startswith(" ")).partition("\n")[0]  # a note may follow it
    except Exception:
        return type(error).__name__
