"""What the dialect says beside its answers: error bodies and standing headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scoringhost.errors import RunFailed, ScoringHostError, ScriptRefused
from scoringhost.http.errors import JSON, headers_of, row_of
from scoringhost.http.messages import HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.schema import json_text

ROOT = "/v2"
OIP_HEALTH_PATHS = (f"{ROOT}/health/live", f"{ROOT}/health/ready")
"""Where health is asked for in the protocol, before it is known by which name the model is served."""

EXTENSIONS = ("binary_tensor_data", "generate")
"""The extensions of the protocol that are spoken."""


def message_of(error: ScoringHostError) -> str:
    """What a caller is told: of an exception of run() its type and message, but no traceback."""
    cause = error.__cause__
    if isinstance(error, RunFailed) and cause is not None:
        said = str(cause)
        return f"run() raised {type(cause).__name__}" + (f": {said}" if said else "")
    return str(error)


def render(error: ScoringHostError, detail: str = "") -> HttpResponse:
    """The response for an error: `{"error": why}`; `detail` is a traceback, in debug mode only."""
    body = {"error": message_of(error)}
    if detail:
        body["traceback"] = detail
    status = row_of(error).http
    if isinstance(error, ScriptRefused) and isinstance(error.response, HttpResponse):
        status = error.response.status  # the script's own, as by flask.abort(422)
    return HttpResponse(status, [("Content-Type", JSON), *headers_of(error)], json_text.dumps(body))


@dataclass(slots=True, kw_only=True)
class OipWords:
    """The words of the dialect, for whatever has endpoints in it."""

    name: ClassVar[str] = "v2"
    prefix: ClassVar[str] = ROOT

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error; see `render`."""
        return render(error, detail)

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The ids of the request."""
        return ids.pairs
