"""How the dialect says things: JSON, and errors as `{"message", "code"}`; never a traceback or a path of the server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from scoringhost.errors import ReplicaLost, ScoringHostError
from scoringhost.fleet.version_life import TRACEBACK, headline
from scoringhost.http.errors import JSON, headers_of, row_of
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint
from scoringhost.hub import errors
from scoringhost.hub.control.words import STATUSES, code_of
from scoringhost.hub.errors import ValueRefused
from scoringhost.schema import json_text

_PLACE = re.compile(r"/\S*/deployments/[0-9]+/app/?")
"""The folder that a service runs in."""
_OWN_ERROR = re.compile(r"^scoringhost\.[\w.]+: ")
"""The name of an error of ours in front of what it says, which says it all."""

OWN_STATUSES: Mapping[type[errors.HubError], int] = {errors.DeploymentFailed: 400}
"""Where they are others than the control API's: what cannot be started is the publisher's fault here."""


def answered(value: Any, status: int = 200) -> HttpResponse:
    """A response of JSON."""
    return HttpResponse(status, [("Content-Type", JSON)], json_text.dumps(value))


def refused(status: int, message: str, code: str) -> HttpResponse:
    """A response that says an error."""
    return answered({"message": message, "code": code}, status)


def refusal(error: errors.HubError) -> HttpResponse:
    """The response for an error of the hub."""
    status = OWN_STATUSES.get(type(error)) or STATUSES[type(error)]
    message = reason_of(error.reason) if isinstance(error, errors.DeploymentFailed) else str(error)
    if isinstance(error, (errors.HomeUnusable, errors.DiskFull, errors.ContentDamaged)):
        message = "the hub cannot keep or read its files; its log says more"
    response = refused(status, message, code_of(type(error)))
    if isinstance(error, errors.LoginUnavailable):
        response.headers.append(("Retry-After", str(error.retry_s)))
    return response


def reason_of(reason: str) -> str:
    """Why something could not be started: the exception and its message, without frames and places of this machine."""
    _, is_traceback, frames = reason.partition(TRACEBACK)
    raised = next((line for line in frames.splitlines() if line.strip() and not line.startswith(" ")), "")
    said = _OWN_ERROR.sub("", raised) if is_traceback and raised else headline(reason)
    return _PLACE.sub("", said)


def json_of(request: HttpRequest) -> Any:
    """The JSON in the body of a request; None if it has no body.

    Raises:
        ValueRefused: if it is none.
    """
    if not request.body.strip():
        return None
    try:
        return json.loads(request.body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        shown = request.body[:60].decode(errors="replace")
        raise ValueRefused("body", f"JSON ({problem})", shown) from None


def object_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body; an empty one if it has no body.

    Raises:
        ValueRefused: if it is none.
    """
    found = json_of(request)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueRefused("body", "a JSON object", found)
    return found


def _no_constant(name: str) -> None:
    """NaN and infinities, which old clients send although JSON has none, are nothing."""


@dataclass(slots=True)
class MlsWords:
    """The dialect."""

    table: Mapping[str, Endpoint]
    name: ClassVar[str] = "mlserver"
    prefix: ClassVar[str] = ""

    def endpoints(self) -> Mapping[str, Endpoint]:
        """What is served where."""
        return self.table

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error that is none of the hub's."""
        status = 503 if isinstance(error, ReplicaLost) else row_of(error).http
        response = refused(status, str(error), code_of(type(error)))
        response.headers += headers_of(error)
        return response

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The ids of the request."""
        return ids.pairs
