"""The Open Inference Protocol over gRPC, for all services of a fleet.

What is asked about the server is answered by the front itself, and what about the repository by the supervisor. What is
about one model goes on to one of its replicas, as the bytes that it is: only the model's name and version are read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from scoringhost._version import __version__
from scoringhost.dialects.oip.repository import EXTENSION, READY, Repository
from scoringhost.dialects.oip_grpc.pool import INFERENCE, INFERENCE_SERVICE, messages
from scoringhost.dialects.oip_grpc.reading import parsed
from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.dialects.oip_grpc.wire import names_of
from scoringhost.dialects.oip_grpc.words import MEDIA_TYPE, OPEN, SERVER_NAME, GrpcWords
from scoringhost.errors import InvalidParameter, NotReady
from scoringhost.fleet.front.front_app import FrontRoutes
from scoringhost.fleet.front.grpc_relay import Relay
from scoringhost.fleet.front.pages import Health
from scoringhost.fleet.front.service_keys import ServiceKeys
from scoringhost.fleet.front.targets import MOST_REMEMBERED, Target
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint

FORWARDED = ("ModelReady", "ModelMetadata", "ModelInfer")
STREAM = "ModelStreamInfer"

OLDER_REPOSITORY_SERVICE = f"{INFERENCE}.model_repository.ModelRepositoryService"
"""A service of MLServer's, which calls it deprecated; its messages are those of Triton's on the wire."""

REPOSITORY_METHODS = ("RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload")
LONGEST_NAME = 200
"""Characters of a name and a version whose target is kept: a message may name anything, at any length."""

OLDER_PATHS = tuple(f"/{OLDER_REPOSITORY_SERVICE}/{name}" for name in REPOSITORY_METHODS)


class FrontGrpc(GrpcWords):
    """All services, by the methods of `inference.GRPCInferenceService`."""

    def __init__(self, routes: FrontRoutes, health: Health, repository: Repository, largest: int) -> None:
        """largest: how many bytes a message may have."""
        self._keys = ServiceKeys(lambda: routes.directory.table)
        self._targets: dict[tuple[str, str, str], Target] = {}
        self._routes, self._health, self._repository, self._largest = routes, health, repository, largest

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where: each method at its path."""
        answers: dict[str, Callable[[Any], Any]] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
        }
        waiting: dict[str, Callable[[Any], Any]] = {
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        found = {}
        for method in messages().methods(INFERENCE_SERVICE):
            name = method.name
            answer: Answer
            if name in answers:
                answer = partial(_answered, method.request, answers[name])
            elif name in waiting:
                answer = partial(_awaited, method.request, waiting[name])
                older = Endpoint({"POST": answer})
                found[f"/{OLDER_REPOSITORY_SERVICE}/{name}"] = older
            else:
                answer = self._stream if name == STREAM else self._forward
            is_open = name in OPEN
            found[method.path] = Endpoint(
                {"POST": answer}, logged=not is_open, is_open=is_open, scores=name in (STREAM, "ModelInfer")
            )
        return found

    # -- what is asked of the server ------------------------------------------------------------------

    def _server_live(self, message: Any) -> Any:
        return _new("ServerLiveResponse", live=True)

    def _server_ready(self, message: Any) -> Any:
        try:
            self._health.require_ready()
        except NotReady:
            return _new("ServerReadyResponse", ready=False)
        return _new("ServerReadyResponse", ready=True)

    def _server_metadata(self, message: Any) -> Any:
        return _new("ServerMetadataResponse", name=SERVER_NAME, version=__version__, extensions=[EXTENSION])

    # -- the repository -------------------------------------------------------------------------------

    async def _index(self, message: Any) -> Any:
        response = _new("RepositoryIndexResponse")
        for one in await self._repository.index():
            if one.state == READY or not message.ready:
                response.models.add(name=one.name, version=one.version, state=one.state, reason=one.reason)
        return response

    async def _load(self, message: Any) -> Any:
        name = _name_in(message)
        await self._repository.load(name, None)
        return _new("RepositoryModelLoadResponse", model_name=name, isLoaded=True)

    async def _unload(self, message: Any) -> Any:
        name = _name_in(message)
        await self._repository.unload(name, None)
        return _new("RepositoryModelUnloadResponse", model_name=name, isUnloaded=True)

    # -- models ---------------------------------------------------------------------------------------

    def _forward(self, request: HttpRequest) -> Awaitable[HttpResponse]:
        assert isinstance(request, GrpcRequest)
        relay = Relay(self._routes, request, self._target_of(request))
        request.body = b""  # the relay has it, until it has been handed over
        return relay.whole()

    async def _stream(self, request: HttpRequest) -> HttpResponse:
        assert isinstance(request, GrpcRequest)
        return await Relay(self._routes, request, self._target_of(request)).begun(self._largest)

    def _target_of(self, request: GrpcRequest) -> Target:
        """Where a message goes.

        Raises:
            UndecodableBody: if it does not say that.
            Unauthorized: if that service has keys of its own, and none of them is sent.
        """
        name, version = names_of(request.body)
        endpoint = request.match.endpoint
        if endpoint is None or not endpoint.is_open:
            self._keys.require(name, request)
        key = name, version, request.path
        target = self._targets.get(key)
        if target is None:
            if len(self._targets) >= MOST_REMEMBERED:
                self._targets.clear()
            rest = request.path.encode("ascii")
            target = Target(name, version or None, rest, request.path, request.match)
            if len(name) + len(version) <= LONGEST_NAME:
                self._targets[key] = target
        return target


def _name_in(message: Any) -> str:
    """The model that is to be loaded or unloaded.

    Raises:
        InvalidParameter: if more than that is asked for; see `dialects.oip.repository.require_plain`.
    """
    for name in message.parameters:
        if name != "unload_dependents":
            what = message.parameters[name].WhichOneof("parameter_choice") or "nothing"
            raise InvalidParameter(name, "none: a model is loaded as it is in its folder", what)
    # KServe's client sends the name in the field where others name the repository.
    return str(message.model_name or message.repository_name)


def _answered(kind: Any, answer: Callable[[Any], Any], request: HttpRequest) -> HttpResponse:
    return _said(answer(parsed(kind, request.body)))


async def _awaited(kind: Any, answer: Callable[[Any], Any], request: HttpRequest) -> HttpResponse:
    return _said(await answer(parsed(kind, request.body)))


def _said(response: Any) -> HttpResponse:
    return HttpResponse(200, [("Content-Type", MEDIA_TYPE)], response.SerializeToString())


def _new(kind: str, /, **values: Any) -> Any:
    return messages()[f"{INFERENCE}.{kind}"](**values)
