"""InputCodec and RequestCodec of MLServer, and their registry.

A codec that is registered here is asked for by its content type wherever the host reads tensors, whether they are for
an MLModel or for the run() of a score.py; and one that is registered with `scoringhost.codecs` is found here.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from scoringhost.inference import codecs as host_codecs
from scoringhost.inference.messages import InferenceRequest, Tensor
from scoringhost.runtimes.mlserver import types
from scoringhost.runtimes.mlserver.converting import request_for_runtime, request_input, tensor_of
from scoringhost.runtimes.mlserver.errors import MLServerError
from scoringhost.schema.declared import Misfit


class InputCodec:
    """Between one input, or output, and a Python value. A base: its methods are class methods, and are all abstract.

    ContentType: the name by which requests ask for it. TypeHint: the annotation that stands for it in `decode_args`.
    """

    ContentType: ClassVar[str] = ""
    TypeHint: ClassVar[Any] = type(None)

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        """Whether it takes a value."""
        return False

    @classmethod
    def encode_output(cls, name: str, payload: Any, **options: Any) -> types.ResponseOutput:
        """A value as an output."""
        raise NotImplementedError

    @classmethod
    def decode_output(cls, response_output: types.ResponseOutput) -> Any:
        """The value of an output."""
        raise NotImplementedError

    @classmethod
    def encode_input(cls, name: str, payload: Any, **options: Any) -> types.RequestInput:
        """A value as an input."""
        raise NotImplementedError

    @classmethod
    def decode_input(cls, request_input: types.RequestInput) -> Any:
        """The value of an input."""
        raise NotImplementedError

    @classmethod
    def encode(cls, name: str, payload: Any) -> types.ResponseOutput:
        """The name of `encode_output` in older versions."""
        return cls.encode_output(name, payload)

    @classmethod
    def decode(cls, request_input: types.RequestInput) -> Any:
        """The name of `decode_input` in older versions."""
        return cls.decode_input(request_input)


class RequestCodec:
    """Between a whole request, or response, and a Python value. A base as `InputCodec` is."""

    ContentType: ClassVar[str] = ""
    TypeHint: ClassVar[Any] = type(None)

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        """Whether it takes a value."""
        return False

    @classmethod
    def encode_response(
        cls, model_name: str, payload: Any, model_version: str | None = None, **options: Any
    ) -> types.InferenceResponse:
        """A value as a response."""
        raise NotImplementedError

    @classmethod
    def decode_response(cls, response: types.InferenceResponse) -> Any:
        """The value of a response."""
        raise NotImplementedError

    @classmethod
    def encode_request(cls, payload: Any, **options: Any) -> types.InferenceRequest:
        """A value as a request."""
        raise NotImplementedError

    @classmethod
    def decode_request(cls, request: types.InferenceRequest) -> Any:
        """The value of a request."""
        raise NotImplementedError

    @classmethod
    def encode(cls, model_name: str, payload: Any, model_version: str | None = None) -> types.InferenceResponse:
        """The name of `encode_response` in older versions."""
        return cls.encode_response(model_name, payload, model_version)

    @classmethod
    def decode(cls, request: types.InferenceRequest) -> Any:
        """The name of `decode_request` in older versions."""
        return cls.decode_request(request)


InputCodecLike = type[InputCodec] | InputCodec
RequestCodecLike = type[RequestCodec] | RequestCodec

INPUT_CODECS: dict[str, Any] = {}
REQUEST_CODECS: dict[str, Any] = {}
"""By content type, in the order in which they are asked whether they take a value."""

C = typing.TypeVar("C")


def register_input_codec(codec: C) -> C:
    """Have inputs of the codec's content type read and made by it; may be used as a decorator."""
    kind: Any = codec
    is_own = kind.__module__.startswith("scoringhost.")
    _put(INPUT_CODECS, kind, first=not is_own)
    if not is_own:
        host_codecs.register_input_codec(_Input(kind))
    return codec


def register_request_codec(codec: C) -> C:
    """Have requests of the codec's content type read and made by it; may be used as a decorator."""
    kind: Any = codec
    is_own = kind.__module__.startswith("scoringhost.")
    _put(REQUEST_CODECS, kind, first=not is_own)
    if not is_own:
        host_codecs.register_request_codec(_Request(kind))
    return codec


def _put(codecs: dict[str, Any], codec: Any, *, first: bool) -> None:
    others = {name: one for name, one in codecs.items() if name != codec.ContentType}
    codecs.clear()
    codecs.update({codec.ContentType: codec, **others} if first else {**others, codec.ContentType: codec})


def find_input_codec(content_type: str | None = None, payload: Any = None, type_hint: Any = None) -> Any | None:
    """The codec of a content type, or for a value, or for an annotation; None if there is none."""
    return _found(INPUT_CODECS, content_type, payload, type_hint)


def find_request_codec(content_type: str | None = None, payload: Any = None, type_hint: Any = None) -> Any | None:
    """The codec of a content type, or for a value, or for an annotation; None if there is none."""
    return _found(REQUEST_CODECS, content_type, payload, type_hint)


def _found(codecs: dict[str, Any], content_type: str | None, payload: Any, hint: Any) -> Any | None:
    if content_type:
        return codecs.get(content_type)
    if payload is not None:
        return next((codec for codec in codecs.values() if codec.can_encode(payload)), None)
    if hint is None:
        return None
    return next((codec for codec in codecs.values() if _same_hint(codec.TypeHint, hint)), None)


def _same_hint(one: Any, other: Any) -> bool:
    """Whether two annotations say the same: `List[str]` and `list[str]` do."""
    if one == other:
        return True
    origin, parts = typing.get_origin(one), typing.get_args(one)
    return origin is not None and origin is typing.get_origin(other) and parts == typing.get_args(other)


class _Input:
    """A codec of MLServer's kind, as the rest of the host knows codecs."""

    def __init__(self, codec: Any) -> None:
        self.content_type, self.codec = codec.ContentType, codec

    def can_encode(self, value: object) -> bool:
        """Whether the codec takes it."""
        return bool(self.codec.can_encode(value))

    def encode(self, name: str, value: Any) -> Tensor:
        """The output that the codec makes."""
        return tensor_of(translated(lambda: self.codec.encode_output(name, value)))

    def decode(self, tensor: Tensor) -> object:
        """What the codec reads."""
        return translated(lambda: self.codec.decode_input(request_input(tensor)))


class _Request:
    """A codec of MLServer's kind for requests, as the rest of the host knows codecs."""

    def __init__(self, codec: Any) -> None:
        self.content_type, self.codec = codec.ContentType, codec

    def can_encode(self, value: object) -> bool:
        """Whether the codec takes it."""
        return bool(self.codec.can_encode(value))

    def encode(self, value: Any) -> list[Tensor]:
        """The outputs that the codec makes."""
        response = translated(lambda: self.codec.encode_response("", value))
        return [tensor_of(one) for one in response.outputs]

    def decode(self, tensors: Sequence[Tensor], decode_one: Callable[[Tensor], object]) -> object:
        """What the codec reads."""
        request = request_for_runtime(InferenceRequest(list(tensors)), types)
        return translated(lambda: self.codec.decode_request(request))


def translated(work: Callable[[], C]) -> C:
    """What some work of a codec makes; an error that it means for the caller becomes a Misfit.

    Raises:
        Misfit: if the codec raises an MLServerError.
    """
    try:
        return work()
    except MLServerError as problem:
        raise Misfit("what its content type reads", str(problem)) from None
