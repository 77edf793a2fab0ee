"""LogObserver: writes what happens to the log."""

from __future__ import annotations

import logging
import time

from scoringhost.errors import DeadlineExceeded, ScoringHostError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.telemetry.logs import HOST_LOGGER, HostHandler


class LogObserver:
    """One access line for each request but health probes; tracebacks of failures; states."""

    def __init__(self) -> None:
        self._log = logging.getLogger(HOST_LOGGER)

    # -- kernel -----------------------------------------------------------------------------------

    def state_changed(self, service: str, state: str) -> None:
        """A line for each state."""
        self._log.info("service %s is %s", service, state)

    def call_refused(self, service: str, error: ScoringHostError) -> None:
        """Why a caller was refused, below the default level: the caller is told, too."""
        self._log.debug("refused: %s", error)

    def run_failed(self, service: str, error: ScoringHostError, traceback: str) -> None:
        """The failure with the user's traceback."""
        what = "run() took too long" if isinstance(error, DeadlineExceeded) else "run() failed"
        more = traceback or getattr(error, "remedy", "")
        self._log.error("%s: %s%s", what, error, f"\n{more}" if more else "")

    def noticed(self, service: str, message: str) -> None:
        """A warning."""
        self._log.warning("%s", message)

    # -- HTTP -------------------------------------------------------------------------------------

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """The access line: method, path with query, status, milliseconds, bytes; for a stream at its end."""
        ids, endpoint = request.ids, request.match.endpoint
        if ids.deprecated:
            self._log.warning("the header x-ms-request-id is deprecated; send x-ms-client-request-id")
        if (endpoint is not None and not endpoint.logged) or not self._log.isEnabledFor(logging.INFO):
            return
        target = request.path if not request.query else f"{request.path}?{request.query.decode('latin-1')}"
        method, status = request.method, response.status
        length: int | str = size if whole else f"{size} (broken off)"
        handlers = self._log.handlers
        if len(handlers) == 1 and type(handlers[0]) is HostHandler:
            handlers[0].access((time.time_ns(), method, target, status, elapsed_ms, length, ids.request))
            return
        if not target.isprintable():  # a line break in a path must not make a line of its own
            target = ascii(target)[1:-1]
        self._log.info("%s", f"{method} {target} {status} {elapsed_ms:.3f}ms {length}")

    def broke(self, traceback: str) -> None:
        """A defect of the host's own."""
        self._log.error("scoringhost failed on a request; please report it\n%s", traceback)
