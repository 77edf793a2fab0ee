"""What the Azure ML dialect says beside its answers: error bodies and standing headers, as azmlinfsrv has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from scoringhost.errors import RunError, ScoringHostError, ScriptRefused, StartupError
from scoringhost.http.errors import JSON, headers_of, row_of
from scoringhost.http.messages import HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint
from scoringhost.schema import json_text

FAILED = "x-ms-run-function-failed"
SERVER_VERSION = "x-ms-server-version"


def render(error: ScoringHostError, detail: str = "") -> HttpResponse:
    """The response for an error: `{"message": why}`; `detail` is a traceback, in debug mode only."""
    if isinstance(error, ScriptRefused) and isinstance(error.response, HttpResponse):
        return error.response
    body = {"message": str(error)}
    if detail:
        body["traceback"] = detail
    encoded = json_text.dumps(body)
    headers = [("Content-Type", JSON), (FAILED, str(isinstance(error, (RunError, StartupError))))]
    headers += headers_of(error)
    return HttpResponse(row_of(error).http, headers, encoded)


@dataclass(slots=True, kw_only=True)
class AzureMlWords:
    """The words of the dialect, for whatever has endpoints in it. `server_version` may be empty: no such header."""

    server_version: str = ""
    name: ClassVar[str] = "azureml"
    prefix: ClassVar[str] = ""

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error; see `render`."""
        return render(error, detail)

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The version of the server, and the ids of the request."""
        return [(SERVER_VERSION, self.server_version), *ids.pairs] if self.server_version else ids.pairs


@dataclass(slots=True)
class OtherEndpoints(AzureMlWords):
    """Endpoints that have nothing to do with scoring, in the words of this dialect."""

    table: Mapping[str, Endpoint]

    def endpoints(self) -> Mapping[str, Endpoint]:
        """What is served where."""
        return self.table
