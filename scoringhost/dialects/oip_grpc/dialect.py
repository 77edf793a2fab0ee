"""The Open Inference Protocol over gRPC as a dialect: messages in bodies, statuses in headers.

A call of gRPC is an HTTP/2 request (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Seen as one, its
guards, request ids, metrics, traces, log lines and what is kept of it are those of every other request. What is
HTTP/2's own (frames, trailers, the reset of a stream) is the business of the door.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from scoringhost._version import __version__
from scoringhost.dialects import raw_http
from scoringhost.dialects.oip.model import CallContext, Model
from scoringhost.dialects.oip.whole_requests import taken_headers
from scoringhost.dialects.oip_grpc.pool import INFERENCE, INFERENCE_SERVICE, messages
from scoringhost.dialects.oip_grpc.reading import parsed, receive, request_of
from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.dialects.oip_grpc.words import MEDIA_TYPE, OPEN, SERVER_NAME, GrpcWords
from scoringhost.dialects.oip_grpc.writing import FINAL, final_bytes, response_bytes, streamed_bytes
from scoringhost.errors import FixedModel
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint
from scoringhost.inference.messages import InferenceResponse
from scoringhost.kernel.call import Scored

ENABLE_FINAL = "triton_enable_empty_final_response"
"""The parameter with which a caller on a stream asks to be told which response is the last one for its request."""


class OipGrpc(GrpcWords):
    """One model, by the methods of `inference.GRPCInferenceService`."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where: each method at its path."""
        answers: dict[str, Callable[[Any], Any]] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "RepositoryIndex": self._repository_index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        found = {}
        for method in messages().methods(INFERENCE_SERVICE):
            is_open, scores = method.name in OPEN, method.name not in answers
            answer: Answer = partial(_answered, method.request, answers[method.name]) if not scores else self._infer
            if method.streams_out:
                answer = self._stream
            found[method.path] = Endpoint({"POST": answer}, logged=not is_open, is_open=is_open, scores=scores)
        return found

    # -- what is asked of server and model ---------------------------------------------------------

    def _server_live(self, message: Any) -> Any:
        return _new("ServerLiveResponse", live=True)

    def _server_ready(self, message: Any) -> Any:
        return _new("ServerReadyResponse", ready=self._model.is_ready)

    def _model_ready(self, message: Any) -> Any:
        self._model.require(message.name, message.version)
        return _new("ModelReadyResponse", ready=self._model.is_ready)

    def _server_metadata(self, message: Any) -> Any:
        return _new("ServerMetadataResponse", name=SERVER_NAME, version=__version__)

    def _model_metadata(self, message: Any) -> Any:
        self._model.require(message.name, message.version)
        said = self._model.metadata()
        response = _new("ModelMetadataResponse", name=said.name, versions=said.versions, platform=said.platform)
        for tensors, into in ((said.inputs, response.inputs), (said.outputs, response.outputs)):
            for tensor in tensors:
                added = into.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
                for name, value in tensor.parameters.items():
                    added.parameters[name].string_param = str(value)
        return response

    def _repository_index(self, message: Any) -> Any:
        model, response = self._model, _new("RepositoryIndexResponse")
        if model.is_ready or not message.ready:
            state, reason = ("READY", "") if model.is_ready else ("UNAVAILABLE", model.service.state.value)
            response.models.add(name=model.name, version=model.version, state=state, reason=reason)
        return response

    def _load(self, message: Any) -> Any:
        name = message.model_name or message.repository_name
        self._model.require(name)
        raise FixedModel(name, "load")

    def _unload(self, message: Any) -> Any:
        name = message.model_name or message.repository_name
        self._model.require(name)
        raise FixedModel(name, "unload")

    # -- inference -----------------------------------------------------------------------------------

    def _infer(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        received = receive(request.body)
        message = received.message
        self._model.require(message.model_name, message.model_version)
        encode = partial(_encoded, typed=received.wants_typed)
        scored = self._model.infer(partial(request_of, received), _context_of(request), encode)
        if isinstance(scored, Scored):
            response: HttpResponse = scored.encoded
            return response
        return _later(scored)

    async def _stream(self, request: HttpRequest) -> HttpResponse:
        """Answer one message of a stream; the response begins once there is something to send.

        Headers that a later piece wants to be sent are taken out of it, and not sent, as it is over HTTP.
        """
        received = receive(request.body)
        message = received.message
        self._model.require(message.model_name, message.model_version)
        says_final = message.parameters[ENABLE_FINAL].bool_param if ENABLE_FINAL in message.parameters else False
        headers = [("Content-Type", MEDIA_TYPE)]
        encode = partial(_streamed, typed=received.wants_typed, says_final=says_final, headers=headers)
        pieces = self._model.stream(partial(request_of, received), _context_of(request), encode)
        try:
            first = await anext(pieces, None)
        except BaseException:
            await pieces.aclose()
            raise
        last = final_bytes(self._model.name, self._model.version, message.id) if says_final else None
        return HttpResponse(200, list(headers), _Pieces(first, pieces, last))


def _answered(kind: Any, answer: Callable[[Any], Any], request: HttpRequest) -> HttpResponse:
    """What a method answers that needs no turn."""
    response = answer(parsed(kind, request.body))
    return HttpResponse(200, [("Content-Type", MEDIA_TYPE)], response.SerializeToString())


def _new(kind: str, /, **values: Any) -> Any:
    return messages()[f"{INFERENCE}.{kind}"](**values)


def _context_of(request: HttpRequest) -> CallContext:
    deadline = request.deadline if isinstance(request, GrpcRequest) else None
    if deadline is None and TIMEOUT_HEADER in request.headers:
        deadline = deadline_of(request)
    return CallContext(
        request.headers.titled,
        request.abandoned,
        size=len(request.body),
        context=request.context,
        stages=request.stages,
        began_s=request.began_s,
        deadline=deadline,
        around=raw_http.context_for(request, raw=False) if "flask" in sys.modules else None,
        deliberate=raw_http.deliberate,
        new_id="",
    )


def _encoded(response: InferenceResponse, *, typed: bool) -> HttpResponse:
    headers = [("Content-Type", MEDIA_TYPE)]
    if response.parameters:
        headers += taken_headers(response)
    return HttpResponse(200, headers, response_bytes(response, typed=typed))


def _streamed(response: InferenceResponse, *, typed: bool, says_final: bool, headers: list[tuple[str, str]]) -> bytes:
    """One message of a stream; the headers that it wants to be sent are added to `headers`."""
    if response.parameters:
        headers += taken_headers(response)
    if says_final:
        response.parameters = {**response.parameters, FINAL: False}
    return streamed_bytes(response, typed=typed)


async def _later(scored: Awaitable[Scored]) -> HttpResponse:
    response: HttpResponse = (await scored).encoded
    return response


class _Pieces:
    """The messages that answer one of a stream: the first has been made already. `last` comes after all others."""

    def __init__(self, first: object, pieces: AsyncGenerator[object, None], last: bytes | None) -> None:
        self._first, self._pieces, self._last = first, pieces, last

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, None
        if piece is None:
            piece = await anext(self._pieces, None)
        if piece is None:
            piece, self._last = self._last, None
        if piece is None:
            raise StopAsyncIteration
        assert isinstance(piece, bytes)
        return piece

    async def aclose(self) -> None:
        """Give the turn back."""
        await self._pieces.aclose()
