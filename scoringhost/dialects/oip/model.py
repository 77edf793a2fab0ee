"""Model: one service as a model of the Open Inference Protocol, for every transport that speaks it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from scoringhost.dialects.oip import whole_requests
from scoringhost.dialects.oip.run_inputs import RunInputs
from scoringhost.dialects.oip.run_outputs import RunOutputs
from scoringhost.errors import NotInferable, ResultNotEncodable, ScoringHostError, UnknownService
from scoringhost.inference.messages import InferenceRequest, InferenceResponse
from scoringhost.inference.model_metadata import ModelMetadata
from scoringhost.kernel.call import LATER, Arguments, Around, Call, Scored, generated, never, no_answer
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.observer import Stages
from scoringhost.kernel.service import Service, State
from scoringhost.schema.large_json import LARGE
from scoringhost.script.signature import RunSignature, Takes

Encode = Callable[[InferenceResponse], object]
Read = Callable[[], InferenceRequest]
"""Decodes what came; called where bodies are decoded, which may be on another thread."""

TEXT_WEIGHT = 16
"""The weight of an element of BYTES, which becomes a Python object before it is encoded."""


def _no_headers() -> dict[str, str]:
    return {}


@dataclass(slots=True)
class CallContext:
    """What is around one call; see `Call`, which says the same with the same names."""

    headers: Callable[[], dict[str, str]] = _no_headers
    abandoned: Callable[[], bool] = never
    around: Around | None = None
    size: int = 0
    context: Context | None = None
    stages: Stages | None = None
    began_s: float = 0.0
    deadline: Deadline | None = None
    deliberate: Callable[[BaseException], ScoringHostError | None] = no_answer
    new_id: str | None = None
    """The id of the response to a request that has none."""
    large: int = LARGE
    """The weight, roughly in numbers, above which a response is encoded beside the event loop."""


class Model:
    """One service as a model."""

    def __init__(self, service: Service, name: str, version: str) -> None:
        self.service, self.name, self.version = service, name, version
        self._takes_http = service.signature.takes is Takes.RAW

    def require(self, name: str, version: str | None = None) -> None:
        """Nothing, if that is this model; None and an empty version stand for any.

        Raises:
            UnknownService: if it is another.
        """
        if name != self.name or (version and version != self.version):
            raise UnknownService(name, version or None)

    @property
    def is_ready(self) -> bool:
        """Whether the service takes calls."""
        return self.service.state is State.READY

    @cached_property
    def inputs(self) -> RunInputs:
        """How tensors become the arguments of run()."""
        return RunInputs(self.service.signature)

    @cached_property
    def outputs(self) -> RunOutputs:
        """How the result of run() becomes tensors."""
        service = self.service
        notice = partial(service.observer.noticed, service.name)
        return RunOutputs(service.declarations.output, service.signature.takes, notice)

    def metadata(self) -> ModelMetadata:
        """What the model says about itself; a service that takes HTTP requests has no tensors."""
        whole = self.service.declarations.model
        if whole is not None:
            return whole_requests.metadata_of(whole, self.name, self.version)
        if self._takes_http:
            return ModelMetadata(self.name, (self.version,), (), ())
        return ModelMetadata(self.name, (self.version,), self.inputs.tensors, self.outputs.tensors)

    def infer(self, request: InferenceRequest | Read, call: CallContext, encode: Encode) -> Scored | Awaitable[Scored]:
        """Score a request, on the spot if that can be done, or else what is to be awaited.

        request: or what reads it, on the thread where bodies are decoded. encode: makes of the response what is sent,
        before the next run() can change its arrays; `Scored.encoded` is what it has made. Large responses are
        encoded on another thread.

        Raises:
            NotInferable: if the service takes no tensors.
            CallError: if the request does not fit the model; now, or when awaited, as all that follow.
            RunError: if run() raised, took too long, or returned what is no tensor.
            Unavailable: if the service is not ready, or too many calls wait.
        """
        inference = Inference(self, request, encode, call)
        begun = self._begin(inference, call)
        return begun if isinstance(begun, Scored) else self._gathered(begun, inference, encode)

    async def _gathered(self, begun: Awaitable[Scored], inference: Inference, encode: Encode) -> Scored:
        """The answer; the items of a stream become one, with their tensors one after the other."""
        scored = await begun
        if scored.items is None:
            return scored
        from scoringhost.inference.numpy_results import copied, joined

        try:
            parts = [copied(inference.response(item)) async for item in scored.items]
        finally:
            await scored.items.aclose()  # type: ignore[attr-defined]
        return replace(scored, items=None, encoded=encode(joined(parts)))

    async def stream(
        self, request: InferenceRequest | Read, call: CallContext, encode: Encode
    ) -> AsyncGenerator[object, None]:
        """Score a request and yield what `encode` makes of the response for each item that run() yields.

        One that yields nothing has one response. Must be closed with `aclose()` if it is not read to its end. Raises
        as `infer` does, what concerns the request before the first response.
        """
        inference = Inference(self, request, encode, call)
        inference.wants_stream = True
        begun = self._begin(inference, call)
        scored = begun if isinstance(begun, Scored) else await begun
        if scored.items is None:
            yield scored.encoded
            return
        try:
            async for item in scored.items:
                yield encode(inference.response(item))
        finally:
            await scored.items.aclose()  # type: ignore[attr-defined]

    def _begin(self, inference: Inference, call: CallContext) -> Scored | Awaitable[Scored]:
        if self._takes_http:
            raise NotInferable(f"The model {self.name!r} takes HTTP requests (@rawhttp), and no tensors")
        return self.service.begin(
            Call(
                inference,
                call.headers,
                call.abandoned,
                call.around,
                generated,
                call.deliberate,
                call.size,
                call.context,
                inference,
                call.stages,
                call.began_s,
                call.deadline,
            )
        )


class Inference(Arguments):
    """One inference: what becomes the arguments of run(), and what its result becomes."""

    __slots__ = ("_call", "_encode", "_given", "_model", "_request", "_tensors", "wants_stream")

    def __init__(self, model: Model, request: InferenceRequest | Read, encode: Encode, call: CallContext) -> None:
        self._model, self._given, self._encode, self._call = model, request, encode, call
        self.wants_stream = False

    @property
    def may_join(self) -> bool:
        """A stream is a call's own."""
        return not self.wants_stream

    def arguments(self, signature: RunSignature) -> dict[str, Any]:
        """The arguments from the tensors. Raises CallError."""
        given = self._given
        request = self._request = given if isinstance(given, InferenceRequest) else given()
        if signature.takes is Takes.REQUEST:
            return whole_requests.arguments(signature, request, self._call.headers, wants_stream=self.wants_stream)
        if request.outputs:
            self._model.outputs.check(request.outputs)
        return self._model.inputs.arguments(request)

    def at_once(self, output: object) -> object | None:
        """The response encoded, or LATER."""
        response = self.response(output)
        if _weight(response) > self._call.large:
            self._tensors = response
            return LATER
        return self._encode(response)

    def beside(self, output: object) -> object:
        """A large response encoded."""
        return self._encode(self._tensors)

    def response(self, output: object) -> InferenceResponse:
        """The response with the tensors of a result.

        Raises:
            ResultNotEncodable: if it is none; tells the observer.
        """
        request, model = self._request, self._model
        id = self._call.new_id if request.id is None else request.id
        try:
            if model.service.signature.takes is Takes.REQUEST:
                return whole_requests.response_of(output, request, InferenceResponse(model.name, [], model.version, id))
            tensors = model.outputs.of(output, request.outputs)
        except ResultNotEncodable as error:
            model.service.observer.run_failed(model.service.name, error, "")
            raise
        return InferenceResponse(model.name, tensors, model.version, id)


def _weight(response: InferenceResponse) -> int:
    weight = 0
    for tensor in response.outputs:
        weight += tensor.array.size * (TEXT_WEIGHT if tensor.datatype == "BYTES" else 1)
    return weight
