"""ControlLog: what the log has of requests to the control API."""

from __future__ import annotations

from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.telemetry.log_observer import LogObserver


class ControlLog(LogObserver):
    """Lines for what was changed, refused, failed or taken away, and none for those who only look.

    A page asks four things every five seconds: who has done what could not be found between its lines.
    """

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """See `LogObserver`. Files, which are no bytes yet, are taken away."""
        if request.method == "GET" and response.status < 400 and isinstance(response.body, bytes):
            return
        super().sent(request, response, elapsed_ms, size, whole)
