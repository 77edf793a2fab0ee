"""What a service answers at paths of its own, in the words of the Open Inference Protocol."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.dialects import raw_http
from scoringhost.dialects.oip.words import OipWords
from scoringhost.errors import NotInferable
from scoringhost.http.bodies import unpacked
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.dialect import Dialect
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint
from scoringhost.kernel.call import Arguments, Call, Scored
from scoringhost.kernel.service import Service
from scoringhost.schema import json_text
from scoringhost.schema.json_values import is_a
from scoringhost.script.handlers import Handler, HandlerCall, HandlerRequest
from scoringhost.script.signature import RunSignature, Takes


@dataclass(slots=True)
class CustomHandlers(OipWords):
    """The handlers of one service. They are called where run() is, and wait for their turn as calls of it do."""

    service: Service
    max_body: int
    handlers: Sequence[Handler]

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        methods: dict[str, dict[str, Answer]] = {}
        for handler in self.handlers:
            methods.setdefault(handler.path, {})[handler.method] = self._answer(handler)
        return {path: Endpoint(answers, scores=True) for path, answers in methods.items()}

    def _answer(self, handler: Handler) -> Answer:
        return lambda request: self._begun(handler, request)

    def _begun(self, handler: Handler, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        body = unpacked(request, self.max_body) if "content-encoding" in request.headers else request.body
        call = Call(
            _Handled(handler, _request(request, body)),
            request.headers.titled,
            request.abandoned,
            None,
            _never_streams,
            raw_http.deliberate,
            len(body),
            request.context,
            stages=request.stages,
            began_s=request.began_s,
            deadline=deadline_of(request) if TIMEOUT_HEADER in request.headers else None,
        )
        scored = self.service.begin(call)
        return _response(scored.output) if isinstance(scored, Scored) else _later(scored)


class _Handled(Arguments):
    """The argument of a run() that is to answer by a handler."""

    __slots__ = ("_call",)

    def __init__(self, handler: Handler, request: HandlerRequest) -> None:
        self._call = HandlerCall(handler, request)

    @property
    def may_join(self) -> bool:
        """A handler answers one request."""
        return False

    def arguments(self, signature: RunSignature) -> dict[str, Any]:
        """The call of the handler. Raises NotInferable if run() knows none."""
        if signature.takes is not Takes.REQUEST:
            raise NotInferable("The service has no handlers of its own")
        return {signature.parameters[0].name: self._call}


def _never_streams(output: object) -> object | None:
    return None


def _request(request: HttpRequest, body: bytes) -> HandlerRequest:
    return HandlerRequest(
        request.method,
        request.path,
        body,
        dict(request.headers),
        dict(request.parameters),
        dict(request.arguments),
        request.query,
        request.client,
        request.scheme,
        request.host,
    )


async def _later(scored: Awaitable[Scored]) -> HttpResponse:
    return _response((await scored).output)


def _response(output: Any) -> HttpResponse:
    """What a handler has returned: a response of Starlette's, Flask's or ours, or a value that is sent as JSON.

    Raises:
        ResultNotEncodable: if JSON cannot hold it.
    """
    if raw_http.is_response(output):
        return raw_http.to_http(output, None)
    if is_a(output, "starlette.responses", "Response"):
        return _from_starlette(output)
    if hasattr(output, "model_dump_json"):  # a model of pydantic's
        return HttpResponse(200, [("Content-Type", JSON)], output.model_dump_json().encode("utf-8"))
    return HttpResponse(200, [("Content-Type", JSON)], json_text.dumps(output))


def _from_starlette(response: Any) -> HttpResponse:
    if inspect.isasyncgen(getattr(response, "body_iterator", None)):

        async def pieces() -> Any:
            async for piece in response.body_iterator:
                yield piece if isinstance(piece, bytes) else piece.encode("utf-8")

        return HttpResponse(response.status_code, _headers(response.raw_headers), pieces(), foreign=True)
    return HttpResponse(response.status_code, _headers(response.raw_headers), bytes(response.body), foreign=True)


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1").title(), value.decode("latin-1"))
        for name, value in raw
        if name.lower() not in (b"content-length", b"transfer-encoding")
    ]


def handlers_of(service: Service, max_body: int, others: Sequence[Dialect]) -> list[Dialect]:
    """The dialect of a service's own handlers, if there are any that have paths of their own.

    others: the host's dialects, which go on to answer at their paths.
    """
    if not service.script.handlers:
        return []
    taken = {path for dialect in others for path in dialect.endpoints()}
    own = [handler for handler in service.script.handlers if handler.path not in taken]
    for handler in service.script.handlers:
        if handler.path in taken:
            service.observer.noticed(service.name, f"{handler.path} is answered by the host, not by its custom handler")
    return [CustomHandlers(service, max_body, own)] if own else []
