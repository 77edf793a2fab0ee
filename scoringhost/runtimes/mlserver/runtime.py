"""Runtime: one MLModel as the init(), run() and shutdown() of a service.

A model whose methods never wait is called as any plain run() is: on the scoring thread, one request at a time in each
thread, with deadlines that hold. One whose methods do wait has an event loop of its own, on one thread, where all of
its methods run, and may have many requests under way.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

from scoringhost.errors import ResultNotEncodable, RuntimeFailed, RuntimeRefused, ScoringHostError
from scoringhost.inference.messages import InferenceRequest, InferenceResponse
from scoringhost.inference.model_metadata import ModelMetadata, NamedTensor, PlainInputs
from scoringhost.runtimes.mlserver.awaiting import ModelLoop, finished, may_wait
from scoringhost.runtimes.mlserver.converting import request_for_runtime, response_of
from scoringhost.runtimes.mlserver.errors import CodecError
from scoringhost.runtimes.mlserver.handler_arguments import HandlerArguments
from scoringhost.runtimes.mlserver.handlers import get_custom_handlers
from scoringhost.runtimes.mlserver.hinted_inputs import hinted_inputs
from scoringhost.runtimes.mlserver.surfaces import surface_of
from scoringhost.script.handlers import Handler, HandlerCall, HandlerRequest

_log = logging.getLogger("azmlinfsrv")
NOT_LOADED = "load() has returned False"


class Runtime:
    """One model in one process."""

    def __init__(self, kind: type, settings: Any) -> None:
        """`settings`: the model's, of the surface that its class was made with."""
        self.kind, self.settings = kind, settings
        self.surface = surface_of(kind)
        self.model: Any = None
        self.refusal = ""
        methods = [getattr(kind, name, None) for name in ("predict", "predict_stream")]
        streams = _is_own(kind, "predict_stream")
        methods = methods if streams else methods[:1]
        self.handlers = [
            Handler(mark.rest_path, mark.rest_method.upper(), self._answer_of(method.__name__))
            for mark, method in get_custom_handlers(kind)
        ]
        methods += [method for _, method in get_custom_handlers(kind)]
        self.loop = ModelLoop(settings.name) if any(may_wait(method) for method in methods) else None
        self.streams = streams
        self.run: Callable[..., Any] = self._run if self.loop is None else self._run_awaited

    # -- life ---------------------------------------------------------------------------------------

    def init(self) -> None:
        """Make the model and load it; on the thread that scores, or on the loop of the model."""
        if self.loop is not None:
            self.loop.do(self._load)
        else:
            _to_its_end(self._load)
        if not self.refusal:
            self.model.ready = True

    async def _load(self) -> None:
        with self.surface.model_context(self.settings):
            self.model = self.kind(self.settings)
            loaded = self.model.load()
            if inspect.isawaitable(loaded):
                loaded = await loaded
        # None is what a load() returns that says nothing; MLServer's own check is for what is false.
        self.refusal = NOT_LOADED if loaded is False else ""

    def shutdown(self) -> None:
        """Unload the model."""
        if self.model is None:
            return
        if self.loop is not None:
            self.loop.do(self._unload)
            self.loop.close()
        else:
            _to_its_end(self._unload)

    async def _unload(self) -> None:
        self.model.ready = False
        unload = getattr(self.model, "unload", None)
        with self.surface.model_context(self.settings):
            unloaded = unload() if unload is not None else None
            if inspect.isawaitable(unloaded):
                await unloaded

    # -- one request ----------------------------------------------------------------------------------

    def _run(self, request: InferenceRequest | HandlerCall) -> Any:
        """Answer a request, on this thread."""
        try:
            with self.surface.model_context(self.settings):
                if isinstance(request, HandlerCall):
                    return finished(request.handler.answer(request.request))
                payload = request_for_runtime(request, self.surface.types)
                return self._response(finished(self.model.predict(payload)))
        except Exception as error:
            _raise(error)

    async def _run_awaited(self, request: InferenceRequest | HandlerCall) -> Any:
        """Answer a request, on the loop of the model; with a stream of responses if that is what it wants."""
        assert self.loop is not None
        if isinstance(request, HandlerCall):
            return await self.loop.awaited(lambda: self._handled(request))
        if request.wants_stream and self.streams:
            return self._responses(request)
        return await self.loop.awaited(lambda: self._predicted(request))

    async def _predicted(self, request: InferenceRequest) -> InferenceResponse:
        try:
            with self.surface.model_context(self.settings):
                answer = self.model.predict(request_for_runtime(request, self.surface.types))
                return self._response(await answer if inspect.isawaitable(answer) else answer)
        except Exception as error:
            _raise(error)

    async def _handled(self, call: HandlerCall) -> Any:
        try:
            with self.surface.model_context(self.settings):
                answer = call.handler.answer(call.request)
                return await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            _raise(error)

    async def _responses(self, request: InferenceRequest) -> AsyncIterator[InferenceResponse]:
        """What predict_stream() yields; each step is taken on the loop of the model."""
        assert self.loop is not None
        payload = request_for_runtime(request, self.surface.types)

        async def only() -> AsyncIterator[Any]:
            yield payload

        source = self.model.predict_stream(only())
        try:
            while True:
                item = await self.loop.awaited(lambda: self._step(source))
                if item is None:
                    return
                yield item
        finally:
            await self.loop.awaited(source.aclose)

    async def _step(self, source: Any) -> InferenceResponse | None:
        try:
            with self.surface.model_context(self.settings):
                return self._response(await anext(source))
        except StopAsyncIteration:
            return None
        except Exception as error:
            _raise(error)

    def _response(self, answer: Any) -> InferenceResponse:
        """The response as the host's own.

        Raises:
            ResultNotEncodable: if it is none, or its tensors are not what they say.
        """
        if not hasattr(answer, "outputs") or not hasattr(answer, "model_name"):
            raise ResultNotEncodable(f"predict() has returned a {type(answer).__name__}, and no InferenceResponse")
        try:
            return response_of(answer)
        except CodecError as problem:
            raise ResultNotEncodable(str(problem)) from None

    def _answer_of(self, name: str) -> Callable[[HandlerRequest], Any]:
        """What answers for a custom handler: the method of that name of the model, once there is one."""
        known: dict[str, HandlerArguments] = {}

        def answer(request: HandlerRequest) -> Any:
            method = getattr(self.model, name)
            if name not in known:
                known[name] = HandlerArguments(method)
            return method(**known[name].of(request))

        return answer

    # -- what it says of itself -------------------------------------------------------------------------

    def metadata(self) -> ModelMetadata:
        """Its inputs and outputs as they are now, which load() may have set."""
        of = self.model if self.model is not None else self.settings
        parameters = self.settings.parameters
        content_type = getattr(parameters, "content_type", None) if parameters else None
        versions = () if self.settings.version else tuple(self.settings.versions or ())
        return ModelMetadata(
            self.settings.name,
            versions,
            tuple(_named(one) for one in of.inputs or ()),
            tuple(_named(one) for one in of.outputs or ()),
            self.settings.platform or "",
            {"content_type": content_type} if content_type else {},
        )

    def plain_inputs(self) -> PlainInputs:
        """The inputs of the metadata, or else those that the annotations of a predict() under decode_args name."""
        said = self.metadata().inputs
        if said:
            return PlainInputs({one.name: one for one in said})
        return hinted_inputs(self.kind.predict)  # type: ignore[attr-defined]


def _named(tensor: Any) -> NamedTensor:
    datatype = str(getattr(tensor.datatype, "value", tensor.datatype))
    content_type = getattr(tensor.parameters, "content_type", None) if tensor.parameters else None
    return NamedTensor(tensor.name, datatype, tuple(tensor.shape), content_type)


def _is_own(kind: type, name: str) -> bool:
    """Whether a class, or one between it and MLModel, has a method of its own."""
    for base in kind.__mro__:
        if name in vars(base):
            return base.__name__ != "MLModel"
    return False


def _to_its_end(make: Callable[[], Any]) -> None:
    """Run a coroutine on this thread, which has no event loop, with one that lasts as long."""
    asyncio.run(make())


def _raise(error: Exception) -> NoReturn:
    """Raise an error that is meant for the caller, with the status that it has; any other is the model's failure."""
    status = getattr(error, "status_code", None)
    is_meant = any(base.__name__ in ("MLServerError", "HTTPException") for base in type(error).__mro__)
    if isinstance(error, ScoringHostError) or not is_meant or not isinstance(status, int):
        raise error
    message = str(getattr(error, "detail", None) or error)
    if 400 <= status < 500:
        raise RuntimeRefused(message, int(status)) from error
    raise RuntimeFailed(message, int(status)) from error
