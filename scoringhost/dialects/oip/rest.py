"""The Open Inference Protocol over REST: what is said of a model, and inference."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scoringhost._version import __version__
from scoringhost.dialects import raw_http
from scoringhost.dialects.oip.exchange import Exchange
from scoringhost.dialects.oip.generating import GenerateExchange
from scoringhost.dialects.oip.model import CallContext, Model
from scoringhost.dialects.oip.repository import (
    READY,
    REPOSITORY,
    UNAVAILABLE,
    ListedModel,
    control_endpoints,
    listed,
    wants_ready_only,
)
from scoringhost.dialects.oip.server_events import ServerEvents
from scoringhost.dialects.oip.words import EXTENSIONS, OIP_HEALTH_PATHS, ROOT, OipWords
from scoringhost.errors import FixedModel, NotReady, UnsupportedContentType
from scoringhost.http.bodies import unpacked
from scoringhost.http.compressing import coding_for
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.kernel.call import Scored
from scoringhost.kernel.helper_thread import HelperThread
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.large_json import LARGE

LARGE_PACKED = 4096
"""Bytes of a packed body above which it is not unpacked on the event loop: they may become 4 MB."""
PACKING = 8
"""How much longer packing a body takes than writing it as JSON."""
_NOT_JSON = ("multipart/", "text/csv", "image/", "audio/", "video/", "application/xml", "application/vnd.apache.")
"""Media types that clients send only with something else in the body. Others are JSON: curl -d says that it sends a
form, and clients of Triton say octet-stream with and without binary tensors."""


@dataclass(slots=True)
class Oip(OipWords):
    """The endpoints of one model. max_body: bytes, unpacked; is_open: whether its metadata need no key."""

    model: Model
    max_body: int
    is_open: bool = False
    _helper: HelperThread = field(default_factory=HelperThread)

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where: the model's own paths by name, which are found at once, and those of all others."""
        found = {
            **self.probes(),
            ROOT: Endpoint(_read(self.server), is_open=self.is_open),
            f"{ROOT}/": Endpoint(_read(self.server), is_open=self.is_open),
            f"{REPOSITORY}/index": Endpoint({"POST": self.index}),
            **control_endpoints(partial(self._keep, "load"), partial(self._keep, "unload")),
        }
        for base in self._own():
            found.update(self._of_model(base))
        for base in (f"{ROOT}/models/{{model}}", f"{ROOT}/models/{{model}}/versions/{{version}}"):
            found.update(self._of_model(base))
        return found

    def probes(self) -> dict[str, Endpoint]:
        """Those that ask for health, which wait for nothing: of the server, and of the model by its own name."""
        live, ready = OIP_HEALTH_PATHS
        found = {live: _probe(self.live), ready: _probe(self.ready)}
        for base in self._own():
            found[f"{base}/ready"] = _probe(self.model_ready)
        return found

    def _own(self) -> list[str]:
        """The model's own paths, unless they would be taken for patterns."""
        own = f"{ROOT}/models/{self.model.name}"
        return [base for base in (own, f"{own}/versions/{self.model.version}") if "{" not in base]

    def _of_model(self, base: str) -> dict[str, Endpoint]:
        def scores(answer: Answer) -> Endpoint:
            return Endpoint({"POST": answer}, scores=True)

        return {
            base: Endpoint(_read(self.metadata), is_open=self.is_open),
            f"{base}/ready": _probe(self.model_ready),
            f"{base}/infer": scores(self.infer),
            f"{base}/infer_stream": scores(self.infer_stream),
            f"{base}/generate": scores(self.generate),
            f"{base}/generate_stream": scores(self.generate_stream),
        }

    # -- health and metadata ------------------------------------------------------------------------

    def server(self, request: HttpRequest) -> HttpResponse:
        """What the server is."""
        return _json({"name": "scoringhost", "version": __version__, "extensions": list(EXTENSIONS)})

    def live(self, request: HttpRequest) -> HttpResponse:
        """It has read this request: that is all there is to it."""
        return _json({"live": True})

    def ready(self, request: HttpRequest) -> HttpResponse:
        """Whether the service takes calls; 503 before and after."""
        return self._readiness({})

    def model_ready(self, request: HttpRequest) -> HttpResponse:
        """The same of the model."""
        self._require(request)
        return self._readiness({"name": self.model.name})

    def _readiness(self, named: dict[str, JsonValue]) -> HttpResponse:
        if self.model.is_ready:
            return _json({**named, "ready": True})
        service = self.model.service
        error = NotReady(service.refusal or f"The service is {service.state.value}")
        response = self.render(error)
        response.body = json_text.dumps({**named, "ready": False, "error": str(error)})
        return response

    def metadata(self, request: HttpRequest) -> HttpResponse:
        """What the model says about itself."""
        self._require(request)
        said = self.model.metadata()
        return _json({
            "name": said.name,
            "versions": list(said.versions),
            "platform": said.platform,
            "inputs": [_tensor(one) for one in said.inputs],
            "outputs": [_tensor(one) for one in said.outputs],
            "parameters": dict(said.parameters),
        })  # fmt: skip

    def _require(self, request: HttpRequest) -> None:
        """Nothing, if the path names this model; its own paths have no parameters."""
        named = request.parameters
        if named:
            self.model.require(named["model"], named.get("version"))

    # -- the repository -----------------------------------------------------------------------------

    def index(self, request: HttpRequest) -> HttpResponse:
        """The one model there is."""
        only_ready, model = wants_ready_only(request), self.model
        if model.is_ready:
            return listed([ListedModel(model.name, model.version, READY)])
        if only_ready:
            return listed([])
        reason = model.service.refusal or model.service.state.value
        return listed([ListedModel(model.name, model.version, UNAVAILABLE, reason)])

    def _keep(self, asked: str, request: HttpRequest) -> HttpResponse:
        """Refuse to load or unload: the script is the host's own."""
        self._require(request)
        raise FixedModel(self.model.name, asked)

    # -- inference ----------------------------------------------------------------------------------

    def infer(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Infer, at once if that can be done on the spot."""
        return self._infer(request, Exchange)

    def generate(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Infer from values by the names of the inputs."""
        return self._infer(request, GenerateExchange)

    def infer_stream(self, request: HttpRequest) -> Awaitable[HttpResponse]:
        """A response for each item that run() yields, as server-sent events."""
        return self._stream(request, Exchange)

    def generate_stream(self, request: HttpRequest) -> Awaitable[HttpResponse]:
        """The same for values by the names of the inputs."""
        return self._stream(request, GenerateExchange)

    def _infer(self, request: HttpRequest, kind: Callable[..., Exchange]) -> HttpResponse | Awaitable[HttpResponse]:
        accepted = request.headers.get("accept-encoding")
        coding = coding_for(accepted) if accepted else None
        exchange = self._exchange(request, kind, coding)
        if "content-encoding" in request.headers:
            if len(request.body) > LARGE_PACKED:
                return self._unpack_and_infer(request, exchange)
            exchange.body = unpacked(request, self.max_body)
        scored = self.model.infer(exchange.read, self._context(request, exchange, coding), exchange.encode)
        if isinstance(scored, Scored):
            return exchange.response(scored.encoded)
        return _later(scored, exchange)

    async def _unpack_and_infer(self, request: HttpRequest, exchange: Exchange) -> HttpResponse:
        exchange.body = await self._helper.do(partial(unpacked, request, self.max_body))
        begin = partial(
            self.model.infer, exchange.read, self._context(request, exchange, exchange.coding), exchange.encode
        )
        scored = begin() if request.context is None else request.context.run(begin)
        return exchange.response((scored if isinstance(scored, Scored) else await scored).encoded)

    async def _stream(self, request: HttpRequest, kind: Callable[..., Exchange]) -> HttpResponse:
        exchange = self._exchange(request, kind, None)
        exchange.is_event = True
        if "content-encoding" in request.headers:
            exchange.body = await self._helper.do(partial(unpacked, request, self.max_body))
        events = self.model.stream(exchange.read, self._context(request, exchange, None), exchange.encode)
        body = await ServerEvents.begun(events)
        headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
        return HttpResponse(200, headers + exchange.sent, body)

    def _exchange(self, request: HttpRequest, kind: Callable[..., Exchange], coding: str | None) -> Exchange:
        if request.match.parameters:
            self._require(request)
        given = request.headers.get("content-type")
        if given != JSON and given is not None and given.lower().startswith(_NOT_JSON):
            raise UnsupportedContentType(given)
        return kind(self.model, request, coding)

    def _context(self, request: HttpRequest, exchange: Exchange, coding: str | None) -> CallContext:
        return CallContext(
            request.headers.titled,
            request.abandoned,
            raw_http.context_for(request, raw=False) if "flask" in sys.modules else None,
            len(exchange.body),
            request.context,
            request.stages,
            request.began_s,
            deadline_of(request) if TIMEOUT_HEADER in request.headers else None,
            raw_http.deliberate,
            request.ids.request,
            LARGE if coding is None else LARGE // PACKING,
        )


async def _later(scored: Awaitable[Scored], exchange: Exchange) -> HttpResponse:
    return exchange.response((await scored).encoded)


def _read(answer: Answer) -> Mapping[str, Answer]:
    return {"GET": answer, "HEAD": answer}


def _probe(answer: Answer) -> Endpoint:
    return Endpoint(_read(answer), logged=False, is_open=True)


def _json(value: JsonValue) -> HttpResponse:
    return HttpResponse(200, [("Content-Type", JSON)], json_text.dumps(value))


def _tensor(one: NamedTensor) -> dict[str, Any]:
    said: dict[str, Any] = {"name": one.name, "datatype": one.datatype, "shape": list(one.shape)}
    if one.parameters:
        said["parameters"] = dict(one.parameters)
    return said
