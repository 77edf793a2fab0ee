"""The model repository of the Open Inference Protocol: which models there are, loading one and unloading one.

It is Triton's extension of the protocol, which MLServer has as well:

    POST /v2/repository/index                                        [{"name", "version", "state", "reason"}, ...]
    POST /v2/repository/models/{model}[/versions/{version}]/load     200 when it is loaded; loads a loaded one again
    POST /v2/repository/models/{model}[/versions/{version}]/unload   200 when it takes no more requests

What a host does about it is its `Repository`. A host with one model lists it, and keeps it (see `rest.Oip`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from scoringhost.dialects.oip.words import ROOT, OipWords
from scoringhost.errors import InvalidParameter, UndecodableBody
from scoringhost.http.bodies import unpacked
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue, phrase

READY, LOADING, UNLOADING, UNAVAILABLE = "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
"""States of a model, in the words of Triton."""

REPOSITORY = f"{ROOT}/repository"
EXTENSION = "model_repository"
"""What a server that can load and unload says in the extensions of its metadata."""

MAX_BODY = 1024 * 1024
"""Bytes of a body that are unpacked at most: it has a switch or two."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A version of a model in the index. `version`: empty if it has none. `reason`: why it is in that state."""

    name: str
    version: str
    state: str
    reason: str = ""


class Repository(Protocol):
    """The models of a host. A `version` of None stands for all that the model has."""

    async def index(self) -> Sequence[ListedModel]:
        """All models, in whatever state they are."""

    async def load(self, name: str, version: str | None) -> None:
        """Load a model, again if it is loaded; comes back when it takes requests.

        Raises:
            UnknownService: if there is no such model.
            LoadFailed: if it cannot be loaded; what was loaded before still answers.
            NotReady: if the host cannot do so now.
        """

    async def unload(self, name: str, version: str | None) -> None:
        """Unload a model; comes back when it takes no more requests. Nothing happens if it is not loaded.

        Raises:
            UnknownService: if there is no such model.
            NotReady: if the host cannot do so now.
        """


@dataclass(slots=True)
class RepositoryEndpoints(OipWords):
    """The paths of the repository."""

    repository: Repository
    prefix: ClassVar[str] = REPOSITORY

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        return {
            f"{REPOSITORY}/index": Endpoint({"POST": self.index}),
            **control_endpoints(self._load, self._unload),
        }

    async def index(self, request: HttpRequest) -> HttpResponse:
        """All models, or those that are ready."""
        only_ready = wants_ready_only(request)
        models = await self.repository.index()
        return listed([one for one in models if one.state == READY or not only_ready])

    async def _load(self, request: HttpRequest) -> HttpResponse:
        require_plain(request)
        await self.repository.load(request.parameters["model"], request.parameters.get("version"))
        return HttpResponse(200, [])

    async def _unload(self, request: HttpRequest) -> HttpResponse:
        require_plain(request)
        await self.repository.unload(request.parameters["model"], request.parameters.get("version"))
        return HttpResponse(200, [])


Control = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


def control_endpoints(load: Control, unload: Control) -> dict[str, Endpoint]:
    """The paths of loading and unloading, with a version and without."""
    found = {}
    for base in (f"{REPOSITORY}/models/{{model}}", f"{REPOSITORY}/models/{{model}}/versions/{{version}}"):
        found[f"{base}/load"] = Endpoint({"POST": load})
        found[f"{base}/unload"] = Endpoint({"POST": unload})
    return found


def wants_ready_only(request: HttpRequest) -> bool:
    """Whether an index is asked of the models that are ready: tritonclient sends no body, and others `{"ready": true}`.

    Raises:
        UndecodableBody: if the body is neither.
    """
    wanted = _object(request)
    ready = wanted.get("ready", False)
    if not isinstance(ready, bool):
        raise UndecodableBody(f"The body should be an object with 'ready', true or false, not {phrase(ready)}")
    return ready


def require_plain(request: HttpRequest) -> None:
    """Nothing, if the body of a load or unload asks for no more than that.

    Triton also takes another configuration of the model, or its files, in the request: a model is loaded here as it
    lies in its folder. `unload_dependents`, which tritonclient always sends, is about models that are made of others.

    Raises:
        UndecodableBody: if the body is no JSON object.
        InvalidParameter: if it has a parameter that cannot be heeded.
    """
    parameters = _object(request).get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidParameter("parameters", "an object", phrase(parameters))
    for name, value in parameters.items():
        if name != "unload_dependents":
            raise InvalidParameter(name, "none: a model is loaded as it is in its folder", phrase(value))


def _object(request: HttpRequest) -> dict[str, JsonValue]:
    body = request.body
    if "content-encoding" in request.headers:
        body = unpacked(request, MAX_BODY)
    if not body.strip():
        return {}
    wanted = json_text.loads(body)
    if not isinstance(wanted, dict):
        raise UndecodableBody(f"The body should be an object, or empty, not {phrase(wanted)}")
    return wanted


def listed(models: Sequence[ListedModel]) -> HttpResponse:
    """The answer that lists these models."""
    rows: list[JsonValue] = [
        {"name": one.name, "version": one.version, "state": one.state, "reason": one.reason} for one in models
    ]
    return HttpResponse(200, [("Content-Type", JSON)], json_text.dumps(rows))
