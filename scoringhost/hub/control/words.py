"""How the control API says an error: `{"error": {"code", "message", "field"?, "log"?}}`, with its status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from scoringhost.errors import ScoringHostError
from scoringhost.http.errors import JSON, headers_of, row_of
from scoringhost.http.messages import HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint
from scoringhost.hub import errors
from scoringhost.schema import json_text

STATUSES: dict[type[errors.HubError], int] = {
    errors.NameRefused: 400,
    errors.ValueRefused: 400,
    errors.DeploymentRefused: 400,
    errors.ModelNotFound: 404,
    errors.ServiceNotFound: 404,
    errors.UploadNotFound: 404,
    errors.SessionNotFound: 404,
    errors.BatchNotFound: 404,
    errors.PropertyFixed: 409,
    errors.ModelInUse: 409,
    errors.PlaceTaken: 409,
    errors.ServiceExists: 409,
    errors.VersionExists: 409,
    errors.ChangeUnderWay: 409,
    errors.NothingToRollBack: 409,
    errors.DeploymentFailed: 422,
    errors.LoginRefused: 401,
    errors.TokenRefused: 401,
    errors.LoginUnavailable: 503,
    errors.NotAllowed: 403,
    errors.HubRunning: 409,
    errors.HubNotRunning: 503,
    errors.HubAnswered: 502,
    errors.HomeUnusable: 500,
    errors.DiskFull: 507,
    errors.ContentDamaged: 500,
}
"""Of each error of the hub. A test proves that none is missing."""


def code_of(kind: type[Exception]) -> str:
    """The word for programs: the error's name, in lower case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def said(error: Exception) -> dict[str, Any]:
    """An error of the hub as JSON has it."""
    found: dict[str, Any] = {"code": code_of(type(error)), "message": str(error)}
    field = getattr(error, "field", "") or (getattr(error, "what", "") if isinstance(error, errors.NameRefused) else "")
    if field:
        found["field"] = field
    if isinstance(error, errors.DeploymentFailed):
        found["reason"], found["log"] = error.reason, list(error.log)
    return found


def refusal(error: errors.HubError) -> HttpResponse:
    """The response for an error of the hub."""
    return answered({"error": said(error)}, STATUSES[type(error)])


def answered(value: Any, status: int = 200) -> HttpResponse:
    """A response of JSON."""
    return HttpResponse(status, [("Content-Type", JSON)], json_text.dumps(value))


@dataclass(slots=True)
class ControlWords:
    """The dialect of the control API."""

    table: Mapping[str, Endpoint]
    name: ClassVar[str] = "control"
    prefix: ClassVar[str] = ""

    def endpoints(self) -> Mapping[str, Endpoint]:
        """What is served where."""
        return self.table

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error that is none of the hub's."""
        body = said(error)
        if detail:
            body["traceback"] = detail
        response = answered({"error": body}, row_of(error).http)
        response.headers += headers_of(error)
        return response

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The ids of the request."""
        return ids.pairs
