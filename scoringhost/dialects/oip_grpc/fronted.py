"""The dialect behind the front of a fleet: calls come as requests of HTTP/1.1, with the raw message for a body.

The front has ended the call itself (HTTP/2, metadata, guards), has read of its message which model it is for, and hands
on the bytes; they are decoded here, once. The answer has the message for its body, or, with a status that is none of
success, why there is none. A stream's messages have each its size before it, as in gRPC itself.

Only the front asks here: it says so with a header, which it drops from all that its own clients send.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable
from functools import partial

from scoringhost.access.forwarded import BUNDLED, GRPC_HEADER
from scoringhost.dialects.oip.words import message_of
from scoringhost.dialects.oip_grpc.dialect import OipGrpc
from scoringhost.dialects.oip_grpc.reading import receive
from scoringhost.dialects.oip_grpc.words import MESSAGE
from scoringhost.dialects.oip_grpc.writing import error_bytes
from scoringhost.errors import ScoringHostError, UnknownRoute
from scoringhost.http.messages import HttpRequest, HttpResponse, close_body
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Answer, Endpoint

FORWARDED = frozenset({"ModelReady", "ModelMetadata", "ModelInfer", "ModelStreamInfer"})
"""The methods that are about one model; the front answers the others itself."""


class FrontedGrpc(OipGrpc):
    """One model of a fleet."""

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where: each method at its path."""
        found = {}
        for path, endpoint in super().endpoints().items():
            name = path.rpartition("/")[2]
            if name in FORWARDED:
                answer: Answer = partial(_of_front, endpoint.methods["POST"])
                found[path] = dataclasses.replace(endpoint, methods={"POST": answer})
        return found

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """And that calls may come in bundles, for a front that has handed on its first one alone."""
        return [*super().standing_headers(ids), (GRPC_HEADER, BUNDLED)]

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The code in a header, and why as the body: it may have line ends."""
        said = super().render(error, detail)
        text = said.first(MESSAGE) or ""
        headers = [(name, value) for name, value in said.headers if name != MESSAGE]
        return HttpResponse(said.status, [("Content-Type", "text/plain; charset=utf-8"), *headers], text.encode())


def _of_front(answer: Answer, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
    """Answer what the front hands on; for everybody else there is nothing here."""
    if GRPC_HEADER not in request.headers:
        raise UnknownRoute(request.path)
    if request.path.endswith("/ModelStreamInfer"):
        return _framed(answer(request), request)
    return answer(request)


async def _framed(answering: HttpResponse | Awaitable[HttpResponse], request: HttpRequest) -> HttpResponse:
    response = answering if isinstance(answering, HttpResponse) else await answering
    if not isinstance(response.body, bytes):
        response.body = _Framed(response.body, request)
    return response


class _Framed:
    """Messages, each with its size before it; one that says why there are no more, if something has failed."""

    def __init__(self, messages: AsyncIterator[bytes], request: HttpRequest) -> None:
        self._messages, self._request = messages, request
        self._has_failed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._has_failed:
            raise StopAsyncIteration
        try:
            message = await anext(self._messages)
        except ScoringHostError as error:
            self._has_failed = True
            message = error_bytes(message_of(error), receive(self._request.body).message.id)
        return len(message).to_bytes(5, "big") + message

    async def aclose(self) -> None:
        """Give the turn back."""
        await close_body(self._messages)
