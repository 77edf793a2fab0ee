"""MLflow's scoring protocol: `/invocations`, `/ping`, `/health`, `/version`, as `mlflow models serve` answers them.

Statuses and error codes are MLflow's: a model that raises is a 400 here, too. What differs is that no reply holds a
traceback (but in debug mode), or repeats the data of the request; that what crashes MLflow's server is a 4xx; and that
NaN and infinities leave as null, unless the setting `nan` says otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scoringhost.dialects.mlflow_words import MlflowWords
from scoringhost.errors import (
    NotReady,
    RunFailed,
    ScoringHostError,
    UnsupportedContentType,
)
from scoringhost.http.bodies import unpacked
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.call import LATER, Arguments, Call, Scored
from scoringhost.kernel.helper_thread import HelperThread
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Service, State
from scoringhost.runtimes.mlflow_scoring import CSV, PARQUET, MlflowScoring
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_json import is_large
from scoringhost.script.signature import RunSignature

TAKEN = (JSON, CSV, PARQUET)


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
class MlflowServer(MlflowWords):
    """The endpoints of MLflow's scoring server. max_body: bytes, unpacked."""

    host: Host
    scoring: MlflowScoring
    nan: NanPolicy
    max_body: int
    _helper: HelperThread = field(default_factory=HelperThread)

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

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error; `detail` is a traceback, in debug mode only."""
        if isinstance(error, RunFailed):
            error = self.scoring.failure(error.__cause__)
        return super(MlflowServer, self).render(error, detail)


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
