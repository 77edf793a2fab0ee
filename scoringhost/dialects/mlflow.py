"""MLflow's scoring protocol: `/invocations`, `/ping`, `/health`, `/version`, as `mlflow models serve` answers them.

Statuses and error codes are MLflow's: a model that raises is a 400 here, too. What differs is that no reply holds a
traceback (but in debug mode), or repeats the data of the request; that what crashes MLflow's server is a 4xx; and that
NaN and infinities leave as null, unless the setting `nan` says otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from scoringhost.dialects.azureml_words import SERVER_VERSION
from scoringhost.errors import (
    DeadlineExceeded,
    MethodNotAllowed,
    ModelRefused,
    NotReady,
    RunFailed,
    ScoringHostError,
    UnknownRoute,
    UnsupportedContentType,
)
from scoringhost.http.bodies import unpacked
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.errors import JSON, headers_of, row_of
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.call import LATER, Arguments, Call, Scored
from scoringhost.kernel.helper_thread import HelperThread
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Service, State
from scoringhost.runtimes.mlflow_scoring import CSV, PARQUET, MlflowScoring
from scoringhost.schema import json_text
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_json import is_large
from scoringhost.script.signature import RunSignature

TAKEN = (JSON, CSV, PARQUET)
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


class Invocation(Arguments):
    """One call of `/invocations`: what its body is to the model, and its result as JSON."""

    def __init__(self, scoring: MlflowScoring, body: bytes, kind: str, nan: NanPolicy, service: Service) -> None:
        self._scoring, self._body, self._kind, self._nan, self._service = scoring, body, kind, nan, service
        self._is_wrapped = True

    def arguments(self, signature: RunSignature) -> dict[str, Any]:
        """The arguments of run(). Raises CallError."""
        reading = self._scoring.read_body(self._body, self._kind)
        self._is_wrapped = reading.is_wrapped
        return reading.arguments()

    def at_once(self, output: object) -> object | None:
        """The answer encoded, or LATER."""
        return LATER if is_large(output) else self.beside(output)

    def beside(self, output: object) -> object:
        """The answer encoded."""
        try:
            return self._scoring.encoded(output, self._nan, is_wrapped=self._is_wrapped)
        except ScoringHostError as error:
            self._service.observer.run_failed(self._service.name, error, "")
            raise


def _never_streams(output: object) -> object | None:
    """MLflow's protocol has no streams."""
    return None


@dataclass(slots=True)
class MlflowServer:
    """The endpoints of MLflow's scoring server. max_body: bytes, unpacked."""

    host: Host
    scoring: MlflowScoring
    nan: NanPolicy
    max_body: int
    server_version: str = ""
    _helper: HelperThread = field(default_factory=HelperThread)
    name: ClassVar[str] = "mlflow"
    prefix: ClassVar[str] = "/invocations"

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        ping = Endpoint({"GET": self._ping}, logged=False, is_open=True)
        return {
            "/ping": ping,
            "/health": ping,
            "/version": Endpoint({"GET": self._version}),
            "/invocations": Endpoint({"POST": self.score}, scores=True),
        }

    def _ping(self, request: HttpRequest) -> HttpResponse:
        state = self.host.resolve().state
        if state is not State.READY:
            raise NotReady(f"The service is {state.value}")
        return HttpResponse(200, [("Content-Type", JSON)], b"\n")

    def _version(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("Content-Type", JSON)], self.scoring.version.encode())

    def score(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Score a request, on the spot if that can be done."""
        kind = _media_type(request.headers.get("content-type"))
        if "content-encoding" in request.headers:
            return self._unpack_and_score(request, kind)
        scored = self._begin(request, kind, request.body)
        if isinstance(scored, Scored):
            return _answer(scored)
        return self._answer_later(scored)

    async def _answer_later(self, scored: Awaitable[Scored]) -> HttpResponse:
        return _answer(await scored)

    async def _unpack_and_score(self, request: HttpRequest, kind: str) -> HttpResponse:
        body = await self._helper.do(partial(unpacked, request, self.max_body))
        begin = partial(self._begin, request, kind, body)
        scored = begin() if request.context is None else request.context.run(begin)
        return _answer(scored if isinstance(scored, Scored) else await scored)

    def _begin(self, request: HttpRequest, kind: str, body: bytes) -> Scored | Awaitable[Scored]:
        service = self.host.resolve()
        invocation = Invocation(self.scoring, body, kind, self.nan, service)
        return service.begin(
            Call(
                invocation,
                request.headers.titled,
                request.abandoned,
                stream_of=_never_streams,
                size=len(body),
                context=request.context,
                encoder=invocation,
                stages=request.stages,
                began_s=request.began_s,
                deadline=deadline_of(request) if TIMEOUT_HEADER in request.headers else None,
            )
        )

    # -- errors ---------------------------------------------------------------------------------

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error; `detail` is a traceback, in debug mode only."""
        status = row_of(error).http
        if isinstance(error, UnsupportedContentType):
            return HttpResponse(status, [("Content-Type", "text/plain; charset=utf-8")], str(error).encode())
        if isinstance(error, DeadlineExceeded):
            return HttpResponse(status, [("Content-Type", JSON)], b"Request processing time exceeded limit")
        if isinstance(error, (MethodNotAllowed, UnknownRoute)):
            words = "Method Not Allowed" if isinstance(error, MethodNotAllowed) else "Not Found"
            return HttpResponse(
                status, [("Content-Type", JSON), *headers_of(error)], json_text.dumps({"detail": words})
            )
        said: dict[str, object]
        if isinstance(error, RunFailed):
            error = self.scoring.failure(error.__cause__)
        if isinstance(error, ModelRefused):
            said = {"error_code": error.code, "message": str(error), **error.details}
            status = _STATUSES.get(error.code, 500)
        else:
            code = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
            said = {"error_code": code, "message": str(error)}
        if detail:
            said["stack_trace"] = detail
        return HttpResponse(status, [("Content-Type", JSON), *headers_of(error)], json_text.dumps(said))

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """The version of the server, and the ids of the request, as on every path."""
        return [(SERVER_VERSION, self.server_version), *ids.pairs] if self.server_version else ids.pairs


def _media_type(given: str | None) -> str:
    """The media type of a Content-Type that MLflow's server takes.

    Raises:
        UnsupportedContentType: if it is another, or has a parameter other than `charset=utf-8`.
    """
    kind, *parameters = [part.strip() for part in (given or "").split(";")]
    if kind not in TAKEN:
        raise UnsupportedContentType(given, f"This predictor only supports the content types {', '.join(TAKEN)}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name != "charset":
            raise UnsupportedContentType(given, "The only parameter of a content type that is known is charset")
        if value.lower() != "utf-8":
            raise UnsupportedContentType(given, "The scoring server only supports UTF-8")
    return kind


def _answer(scored: Scored) -> HttpResponse:
    return HttpResponse(200, [("Content-Type", JSON)], scored.encoded)
