"""Application Insights, as azmlinfsrv's variables ask for it: requests, and the lines of the script's log."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import get_current_span

from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.settings import Secret
from scoringhost.telemetry.exports import Destination
from scoringhost.telemetry.logs import PRINT_LOGGER

LONGEST = 8192
"""Characters that Application Insights keeps of a property
(https://learn.microsoft.com/azure/azure-monitor/app/api-custom-events-metrics#limits)."""

BINARY = "Scoring request response payload is a non serializable object or raw binary"
"""In place of a body that is no text; azmlinfsrv's own words, by which somebody may look for them."""


def destination(key: Secret) -> Destination:
    """Requests and the script's own lines, not the access lines, which would say the requests again.

    key: an instrumentation key, or a connection string, which names the place to send to as well.
    """
    return Destination(
        _maker("AzureMonitorTraceExporter", key), _maker("AzureMonitorLogExporter", key), (PRINT_LOGGER, None)
    )


def _maker(name: str, key: Secret) -> Callable[[], Any]:
    def make() -> Any:
        from azure.monitor.opentelemetry import exporter

        # It warns of each part of a connection string that it does not know by heart, such as a region.
        logging.getLogger("azure.monitor.opentelemetry.exporter").setLevel(logging.ERROR)
        given = key.reveal()
        text = given if "=" in given else f"InstrumentationKey={given}"
        try:
            return getattr(exporter, name)(connection_string=text)
        except ValueError:  # which may quote the key
            raise ValueError("the key or connection string of Application Insights cannot be used") from None

    return make


class RequestProperties:
    """Adds to each request's span what azmlinfsrv's has, so that queries for it go on to work; observes HTTP."""

    def __init__(self, service: str, *, with_responses: bool) -> None:
        """with_responses: the bodies of answers, too."""
        self._with_responses = with_responses
        self._standing = {"Container Id": socket.gethostname(), "Service Name": service}

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """See `HttpObserver`."""
        if not request.match.is_logged:
            return
        span = get_current_span()
        if not span.is_recording():
            return
        span.set_attributes(self._standing)
        span.set_attribute("Request Id", request.ids.request)
        span.set_attribute("Client Request Id", request.headers.get("x-ms-client-request-id", ""))
        if self._with_responses and isinstance(response.body, bytes):
            span.set_attribute("Response Value", _text(response.body))

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        """Nothing: `sent` follows."""

    def broke(self, traceback: str) -> None:
        """Nothing: `sent` follows."""


def _text(body: bytes) -> str:
    if b"\0" in body[:LONGEST]:
        return BINARY
    try:
        # A character has four bytes at most, and the last one may have been cut.
        return body[: 4 * LONGEST].decode("utf-8", "strict" if len(body) <= 4 * LONGEST else "ignore")[:LONGEST]
    except UnicodeDecodeError:
        return BINARY
