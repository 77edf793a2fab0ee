"""What the dialect says beside its answers: statuses of errors, and standing headers."""

from __future__ import annotations

from typing import ClassVar

from scoringhost.dialects.oip.words import message_of
from scoringhost.errors import ScoringHostError, ScriptRefused
from scoringhost.http.errors import headers_of, row_of
from scoringhost.http.messages import HttpResponse
from scoringhost.http.request_ids import RequestIds

MEDIA_TYPE = "application/grpc"
STATUS, MESSAGE = "grpc-status", "grpc-message"

LONGEST_MESSAGE = 2000
"""Characters of an error's text that are sent: all metadata together may have 8 KiB."""

OPEN = ("ServerLive", "ServerReady", "ModelReady")
"""What is asked like a health probe: without a key, and without a line in the log."""

SERVER_NAME = "scoringhost"

_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED", 413: "RESOURCE_EXHAUSTED",
          429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE",
          504: "DEADLINE_EXCEEDED"}  # fmt: skip
"""gRPC codes for the statuses that a script itself answers with, as by flask.abort(404)."""


class GrpcWords:
    """The words of the dialect, for whatever has endpoints in it."""

    name: ClassVar[str] = "grpc"
    prefix: ClassVar[str] = ""

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The status and why; `detail` is for who debugs."""
        said = message_of(error)
        text = f"{said}\n{detail}" if detail else said
        row = row_of(error)
        if isinstance(error, ScriptRefused) and isinstance(error.response, HttpResponse):
            return HttpResponse(
                error.response.status, [(STATUS, code_of(error.response.status)), (MESSAGE, text[:LONGEST_MESSAGE])]
            )
        return HttpResponse(row.http, [(STATUS, row.grpc), (MESSAGE, text[:LONGEST_MESSAGE]), *headers_of(error)])

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The request's id, and the caller's own ones; they go out as trailing metadata, each of which takes time."""
        if len(ids.pairs) == 2:  # it has brought none: both say the same
            return ids.pairs[:1]
        return ids.pairs


def code_of(status: int) -> str:
    """The code for a status of HTTP that is no success."""
    return _CODES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
