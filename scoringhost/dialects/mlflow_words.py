"""How MLflow's scoring server words its errors; and what is said in its words while a service is still loading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NoReturn

from scoringhost.dialects.azureml_words import SERVER_VERSION
from scoringhost.errors import (
    DeadlineExceeded,
    MethodNotAllowed,
    ModelRefused,
    ScoringHostError,
    UnknownRoute,
    UnsupportedContentType,
)
from scoringhost.http.errors import JSON, headers_of, row_of
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint
from scoringhost.schema import json_text

_STATUSES = {
    "NOT_IMPLEMENTED": 501, "TEMPORARILY_UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504, "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499, "ABORTED": 409, "RESOURCE_CONFLICT": 409, "ALREADY_EXISTS": 409,
    "NOT_FOUND": 404, "ENDPOINT_NOT_FOUND": 404, "RESOURCE_DOES_NOT_EXIST": 404, "PERMISSION_DENIED": 403,
    "CUSTOMER_UNAUTHORIZED": 401, "UNAUTHENTICATED": 401, "BAD_REQUEST": 400, "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}  # fmt: skip
"""MLflow's error codes and their statuses; any other is a 500."""
_CODES = {
    400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
"""The code for an error that MLflow's server knows nothing of. A status that has none is a BAD_REQUEST if it is the
caller's fault, or else an INTERNAL_ERROR."""


@dataclass(slots=True, kw_only=True)
class MlflowWords:
    """The words, for whatever has endpoints in them. `server_version` may be empty: no such header."""

    server_version: str = ""
    name: ClassVar[str] = "mlflow"
    prefix: ClassVar[str] = "/invocations"

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error; `detail` is a traceback, in debug mode only."""
        status = row_of(error).http
        headers = [("Content-Type", JSON), *headers_of(error)]
        if isinstance(error, UnsupportedContentType):
            return HttpResponse(status, [("Content-Type", "text/plain; charset=utf-8")], str(error).encode())
        if isinstance(error, DeadlineExceeded):
            return HttpResponse(status, headers, b"Request processing time exceeded limit")
        if isinstance(error, (MethodNotAllowed, UnknownRoute)):
            words = "Method Not Allowed" if isinstance(error, MethodNotAllowed) else "Not Found"
            return HttpResponse(status, headers, json_text.dumps({"detail": words}))
        if isinstance(error, ModelRefused):
            said = {"error_code": error.code, "message": str(error), **error.details}
            status = _STATUSES.get(error.code, 500)
        else:
            code = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
            said = {"error_code": code, "message": str(error)}
        if detail:
            said["stack_trace"] = detail
        return HttpResponse(status, headers, json_text.dumps(said))

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The version of the server, and the ids of the request, as on every path."""
        return [(SERVER_VERSION, self.server_version), *ids.pairs] if self.server_version else ids.pairs


@dataclass(slots=True)
class UnreadyMlflow(MlflowWords):
    """The paths of MLflow's server while it is not known yet whether they will be served, or when nothing can be."""

    error: ScoringHostError

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        ping = Endpoint({"GET": self._refuse}, logged=False, is_open=True)
        return {"/ping": ping, "/health": ping, "/invocations": Endpoint({"POST": self._refuse})}

    def _refuse(self, request: HttpRequest) -> NoReturn:
        raise self.error.with_traceback(None)  # raised many times: its traceback must not grow
