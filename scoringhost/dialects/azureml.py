"""The Azure ML dialect: `/` health, `/score`, `/swagger.json`, as azmlinfsrv speaks it."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scoringhost.dialects import probes, raw_http
from scoringhost.dialects.azureml_words import FAILED, AzureMlWords
from scoringhost.dialects.oip.whole_scores import WholeScore
from scoringhost.dialects.score_streams import streamed
from scoringhost.errors import (
    MethodNotAllowed,
    NotReady,
    ResultNotEncodable,
    UnknownDocument,
    UnsupportedContentType,
)
from scoringhost.http.bodies import unpacked
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.call import LATER, Call, Scored
from scoringhost.kernel.helper_thread import HelperThread
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Service, State
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_json import is_large
from scoringhost.schema.openapi import OpenApiVersion
from scoringhost.schema.openapi_places import at_mount
from scoringhost.script.signature import Takes

HTML = "text/html; charset=utf-8"
EXEC_MS = "x-ms-run-fn-exec-ms"
LARGE_PACKED = 4096
"""Bytes of a packed body above which it is not unpacked on the event loop: they may become 4 MB."""

_JSON_TYPES = frozenset({list, dict, str, float, int, bool, type(None)})
_PACKED = object()
"""In place of a payload that has to be unpacked first."""


@dataclass(slots=True)
class AzureMl(AzureMlWords):
    """The endpoints of the default service of a host.

    documents: the API documents there are; is_open: whether they need no key. max_body: bytes, unpacked.
    """

    host: Host
    documents: Mapping[OpenApiVersion, JsonValue]
    nan: NanPolicy
    max_body: int
    is_open: bool = False
    _encoders: dict[Service, _Encoder] = field(default_factory=dict)
    _helper: HelperThread = field(default_factory=HelperThread)

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        return {
            **probes.endpoints(self._require_ready, self._require_started),
            "/": Endpoint(
                {"GET": self.health, "HEAD": self.health, "OPTIONS": self._health_options}, logged=False, is_open=True
            ),
            "/score": Endpoint(
                {"GET": self.score, "POST": self.score, "HEAD": self.score, "OPTIONS": self.score}, scores=True
            ),
            "/swagger.json": Endpoint(
                {"GET": self.document, "HEAD": self.document, "OPTIONS": self._document_options}, is_open=self.is_open
            ),
        }

    # -- health and documents -------------------------------------------------------------------

    def health(self, request: HttpRequest) -> HttpResponse:
        """`Healthy` while the service takes calls; 503 before and after."""
        self._require_ready(request)
        return HttpResponse(200, [("Content-Type", HTML)], b"Healthy")

    def _require_ready(self, request: HttpRequest) -> None:
        service = self.host.resolve()
        if service.state is not State.READY:
            raise NotReady(service.refusal or f"The service is {service.state.value}")

    def _require_started(self, request: HttpRequest) -> None:
        service = self.host.resolve()
        if service.state is State.LOADED and not service.refusal:
            raise NotReady(f"The service is {service.state.value}")

    def document(self, request: HttpRequest) -> HttpResponse:
        """The API document of the version asked for, 2 if none is; 404 if there is none."""
        asked = request.argument("version")
        version = OpenApiVersion.named("2" if asked is None else asked)
        document = self.documents.get(version) if version else None
        if document is None:
            known = ", ".join(sorted(kind.value for kind in self.documents)) or "none"
            raise UnknownDocument(asked or "2", known)
        if request.mount:
            document = at_mount(document, request.mount)
        return HttpResponse(200, [("Content-Type", JSON), (FAILED, "False")], json_text.dumps(document))

    def _health_options(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("Content-Type", HTML), ("Allow", "GET, HEAD, OPTIONS")])

    def _document_options(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("Content-Type", HTML), ("Allow", "GET, HEAD, OPTIONS")])

    # -- scoring --------------------------------------------------------------------------------

    def score(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Score the request with the default service, at once if that can be done on the spot."""
        service = self.host.default or self.host.resolve()
        raw = service.signature.takes is Takes.RAW
        if not raw and request.method == "OPTIONS":
            return HttpResponse(200, [("Content-Type", HTML), (FAILED, "False")])
        if not raw and request.method not in ("GET", "POST"):
            raise MethodNotAllowed(request.method, ())  # HEAD; azmlinfsrv sends no Allow with this one
        encoder: Any = self._encoders.get(service)
        if encoder is None:
            encoder = self._encoders[service] = _Encoder(service, self.nan)
        payload = self._payload(service, request)
        if encoder.takes_whole and payload is not _PACKED:
            payload = encoder = WholeScore(service, payload, request.headers.titled, self.nan)
        call = Call(
            payload,
            request.headers.titled,
            request.abandoned,
            raw_http.context_for(request, raw=raw) if raw or "flask" in sys.modules else None,
            raw_http.stream_of,
            raw_http.deliberate,
            len(request.body),
            request.context,
            encoder,
            request.stages,
            request.began_s,
            deadline_of(request) if TIMEOUT_HEADER in request.headers else None,
        )
        if call.payload is _PACKED:
            return self._unpack_and_score(service, request, call)
        scored = service.begin(call)
        if isinstance(scored, Scored):
            return self._respond(service, request, scored)
        return self._respond_later(service, request, scored)

    async def _respond_later(self, service: Service, request: HttpRequest, scored: Awaitable[Scored]) -> HttpResponse:
        return self._respond(service, request, await scored)

    async def _unpack_and_score(self, service: Service, request: HttpRequest, call: Call) -> HttpResponse:
        body = await self._helper.do(partial(unpacked, request, self.max_body))
        call.payload, call.size = body, len(body)
        if service.signature.takes is Takes.REQUEST:
            call.payload = call.encoder = WholeScore(service, body, call.headers, self.nan)
        scored = service.begin(call) if call.context is None else call.context.run(service.begin, call)
        return self._respond(service, request, scored if isinstance(scored, Scored) else await scored)

    def _payload(self, service: Service, request: HttpRequest) -> Any:
        takes = service.signature.takes
        if takes is Takes.RAW:
            return raw_http.raw_request(request)
        if request.method == "GET":
            return query_values(request)
        if takes is Takes.NAMED:
            given = request.headers.get("content-type")
            if given != JSON and not _is_json(given or ""):
                raise UnsupportedContentType(given)
        if "content-encoding" not in request.headers:
            return request.body
        return unpacked(request, self.max_body) if len(request.body) <= LARGE_PACKED else _PACKED

    def _respond(self, service: Service, request: HttpRequest, scored: Scored) -> HttpResponse:
        body: Any = scored.encoded
        if body is not None:
            response = HttpResponse(200, [("Content-Type", JSON), (FAILED, "False")], body)
        elif raw_http.is_response(scored.output):
            response = raw_http.to_http(scored.output, scored.items)
        elif scored.items is not None:
            response = streamed(request, scored.items, self.nan)
        else:
            body = scored.output
            response = HttpResponse(200, [("Content-Type", "application/octet-stream"), (FAILED, "False")], body)
        response.headers.append((EXEC_MS, f"{scored.run_ms:.3f}"))
        return response


class _Encoder:
    """The results of one service as JSON; see `Encoder`."""

    def __init__(self, service: Service, nan: NanPolicy) -> None:
        self.service, self._nan = service, nan
        self._of_none = service.declarations.output.of_none
        self._takes_raw = service.signature.takes is Takes.RAW
        self.takes_whole = service.signature.takes is Takes.REQUEST
        self._on_nonfinite: Callable[[], None] | None = self._warn_of_nan

    def at_once(self, output: object) -> object | None:
        """The JSON; None for a response that the script has made itself, and for bytes from @rawhttp."""
        if type(output) is list:
            numbers = json_text.dumps_numbers(output)
            if numbers is not None:
                return numbers
        elif type(output) not in _JSON_TYPES and (
            raw_http.is_response(output) or (self._takes_raw and isinstance(output, bytes))
        ):
            return None
        if is_large(output):
            return LATER
        try:
            return json_text.dumps(
                self._of_none if output is None else output, nan=self._nan, on_nonfinite=self._on_nonfinite
            )
        except ResultNotEncodable as error:
            self.service.observer.run_failed(self.service.name, error, "")
            raise

    def beside(self, output: object) -> bytes:
        """The JSON of a large result."""
        try:
            return json_text.dumps(output, nan=self._nan, on_nonfinite=self._on_nonfinite, in_pieces=True)
        except ResultNotEncodable as error:
            self.service.observer.run_failed(self.service.name, error, "")
            raise

    def _warn_of_nan(self) -> None:
        self._on_nonfinite = None
        if self._nan is NanPolicy.NULL:
            self.service.observer.noticed(
                self.service.name,
                "a result held NaN or an infinity, which JSON cannot; null was sent (see the nan setting)",
            )


def query_values(request: HttpRequest) -> dict[str, Any]:
    """The query as parameters: each value parsed as JSON if it can be, repeated names as a list."""
    values: dict[str, list[Any]] = {}
    for name, text in request.arguments:
        values.setdefault(name, []).append(_parsed(text))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_json(given: str) -> bool:
    media = given.partition(";")[0].strip().lower()
    return media == JSON or (media.startswith("application/") and media.endswith("+json"))
