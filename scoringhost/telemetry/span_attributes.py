"""What spans say, by the names of OpenTelemetry's semantic conventions for HTTP and for exceptions."""

from __future__ import annotations

import re

from scoringhost.http.messages import HttpRequest
from scoringhost.script.tracebacks import user_traceback

_SIGNED = re.compile(r"(?i)(?<![^&])(AWSAccessKeyId|Signature|sig|X-Goog-Signature)=[^&]*")
"""What the conventions want to have taken out of a query."""


def attributes_of(request: HttpRequest, method: str) -> dict[str, str | int]:
    """What the conventions want to know of a request, beside what samplers have been told."""
    host, _, port = request.host.rpartition(":")
    if not port.isdecimal() or (":" in host and not host.endswith("]")):
        host, port = request.host, ""
    found: dict[str, str | int] = {
        "server.address": host.strip("[]"),
        "network.protocol.version": request.http_version,
        "http.request.body.size": _body_size(request),
        "scoringhost.request_id": request.ids.request,
    }
    if port:
        found["server.port"] = int(port)
    if request.match.pattern:
        found["http.route"] = request.match.pattern
    if method == "_OTHER":
        found["http.request.method_original"] = request.method
    if request.query:
        found["url.query"] = _SIGNED.sub(r"\1=REDACTED", request.query.decode("latin-1"))
    if request.client:
        found["client.address"] = request.client
    if "user-agent" in request.headers:
        found["user_agent.original"] = request.headers["user-agent"]
    return found


def _body_size(request: HttpRequest) -> int:
    """The bytes of the body; as they are declared if it is not there, as a front keeps none."""
    declared = request.headers.get("content-length", "")
    if not request.body and declared.isdecimal():
        return int(declared)
    return len(request.body)


def exception_attributes(error: BaseException) -> dict[str, str]:
    """An exception as the conventions have it, with the frames of the script only."""
    try:
        message = str(error)
    except Exception:  # the script's own class, which may do anything
        message = ""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {
        "exception.type": name,
        "exception.message": message,
        "exception.stacktrace": user_traceback(error),
    }
