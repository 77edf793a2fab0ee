"""MLServer's own codecs: np, str, base64, datetime, pd, and np and str for a request of one input."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from scoringhost.inference import input_codecs, request_codecs
from scoringhost.inference.codecs import said_of
from scoringhost.inference.messages import Tensor
from scoringhost.runtimes.mlserver import types
from scoringhost.runtimes.mlserver.codec_base import (
    InputCodec,
    RequestCodec,
    find_input_codec,
    register_input_codec,
    register_request_codec,
)
from scoringhost.runtimes.mlserver.converting import (
    request_input,
    response_output,
    tensor_of,
)
from scoringhost.runtimes.mlserver.errors import CodecError
from scoringhost.schema.declared import Misfit
from scoringhost.schema.tensor_metadata import TEXT

JSON_COLUMN = "pd_json"
"""The content type of a column whose elements are JSON, from MLServer 1.6 on."""


class _OneTensor(InputCodec):
    """A codec that does both directions by one of the host's own."""

    _codec: ClassVar[input_codecs.InputCodec]

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        """Whether it takes a value."""
        return cls._codec.can_encode(payload)

    @classmethod
    def encode_output(cls, name: str, payload: Any, **options: Any) -> types.ResponseOutput:
        """A value as an output."""
        made: types.ResponseOutput = response_output(cls._tensor(name, payload, **options))
        return made

    @classmethod
    def encode_input(cls, name: str, payload: Any, **options: Any) -> types.RequestInput:
        """A value as an input."""
        made: types.RequestInput = request_input(cls._tensor(name, payload, **options))
        return made

    @classmethod
    def decode_output(cls, response_output: types.ResponseOutput) -> Any:
        """The value of an output."""
        return cls._decoded(response_output)

    @classmethod
    def decode_input(cls, request_input: types.RequestInput) -> Any:
        """The value of an input."""
        return cls._decoded(request_input)

    @classmethod
    def _tensor(cls, name: str, payload: Any, use_bytes: bool = True, **unused: Any) -> Tensor:
        """The tensor of a value: [n] elements have the shape [n, 1], as MLServer's manual says."""
        tensor: Tensor = _or_codec_error(lambda: cls._codec.encode(name, payload))
        if len(tensor.shape) < 2:
            tensor.shape = (*tensor.shape, 1)
        return tensor

    @classmethod
    def _decoded(cls, item: Any) -> Any:
        return _or_codec_error(lambda: cls._codec.decode(tensor_of(item)))


def _or_codec_error(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Misfit as misfit:
        raise CodecError(str(misfit)) from None


@register_input_codec
class NumpyCodec(_OneTensor):
    """Arrays."""

    ContentType = "np"
    TypeHint = np.ndarray
    _codec = input_codecs.NumpyCodec()

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        """Whether it is an array."""
        return isinstance(payload, np.ndarray)


@register_input_codec
class StringCodec(_OneTensor):
    """Lists of text. `use_bytes`: whether the elements are kept as bytes."""

    ContentType = "str"
    TypeHint = list[str]
    _codec = input_codecs.StringCodec()

    @classmethod
    def _tensor(cls, name: str, payload: Any, use_bytes: bool = True, **unused: Any) -> Tensor:
        tensor = super()._tensor(name, payload)
        if use_bytes:
            encoded = [one if one is None else one.encode("utf-8") for one in tensor.array.tolist()]
            tensor.array = input_codecs.bytes_tensor(name, encoded, tensor.array.shape).array
        return tensor


@register_input_codec
class Base64Codec(_OneTensor):
    """Lists of bytes, as base64 text. What comes as bytes is base64, too, if it can be, as in MLServer."""

    ContentType = "base64"
    TypeHint = list[bytes]
    _codec = input_codecs.Base64Codec(in_bytes=True)

    @classmethod
    def _tensor(cls, name: str, payload: Any, use_bytes: bool = True, **unused: Any) -> Tensor:
        tensor = super()._tensor(name, payload)
        texts = [one if one is None else base64.b64encode(one).decode("ascii") for one in tensor.array.tolist()]
        tensor.array = input_codecs.bytes_tensor(name, texts, tensor.array.shape).array
        return tensor


@register_input_codec
class DatetimeCodec(_OneTensor):
    """Lists of moments, as ISO 8601 text."""

    ContentType = "datetime"
    TypeHint = list[datetime]
    _codec = input_codecs.DatetimeCodec()


class SingleInputRequestCodec(RequestCodec):
    """A request of exactly one input, or a response of one output."""

    InputCodec: ClassVar[Any]

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        """Whether it takes a value."""
        return bool(cls.InputCodec.can_encode(payload))

    @classmethod
    def encode_response(
        cls, model_name: str, payload: Any, model_version: str | None = None, **options: Any
    ) -> types.InferenceResponse:
        """A response of `output-1`, as MLServer calls it."""
        return types.InferenceResponse(
            model_name=model_name,
            model_version=model_version,
            parameters=types.Parameters(content_type=cls.ContentType),
            outputs=[cls.InputCodec.encode_output("output-1", payload, **options)],
        )

    @classmethod
    def encode_request(cls, payload: Any, **options: Any) -> types.InferenceRequest:
        """A request of `input-1`."""
        return types.InferenceRequest(
            parameters=types.Parameters(content_type=cls.ContentType),
            inputs=[cls.InputCodec.encode_input("input-1", payload, **options)],
        )

    @classmethod
    def decode_response(cls, response: types.InferenceResponse) -> Any:
        """The value of the only output.

        Raises:
            CodecError: if there are more.
        """
        return cls.InputCodec.decode_output(cls._only(response.outputs, "output"))

    @classmethod
    def decode_request(cls, request: types.InferenceRequest) -> Any:
        """The value of the only input, by its own content type if it has one.

        Raises:
            CodecError: if there are more.
        """
        only = cls._only(request.inputs, "input")
        return (find_input_codec(said_of(tensor_parameters(only))) or cls.InputCodec).decode_input(only)

    @classmethod
    def _only(cls, items: list[Any], kind: str) -> Any:
        if len(items) != 1:
            names = ", ".join(item.name for item in items) or "none"
            raise CodecError(f"{cls.ContentType!r} is for exactly one {kind}; there are {len(items)}: {names}")
        return items[0]


def tensor_parameters(item: Any) -> dict[str, Any]:
    """What an input says of itself, as far as content types go."""
    said = getattr(item.parameters, "content_type", None) if item.parameters else None
    return {"content_type": said}


@register_request_codec
class NumpyRequestCodec(SingleInputRequestCodec):
    """A request of one array."""

    ContentType = "np"
    TypeHint = np.ndarray
    InputCodec = NumpyCodec


@register_request_codec
class StringRequestCodec(SingleInputRequestCodec):
    """A request of one list of text."""

    ContentType = "str"
    TypeHint = list[str]
    InputCodec = StringCodec


@register_request_codec
class PandasCodec(RequestCodec):
    """A request that is a frame, one input for each column. `use_bytes`: whether text is kept as bytes."""

    ContentType = "pd"
    TypeHint = pd.DataFrame
    _codec = request_codecs.PandasCodec(as_columns=True)

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        """Whether it is a frame."""
        return isinstance(payload, pd.DataFrame)

    @classmethod
    def encode_outputs(cls, payload: Any, use_bytes: bool = True) -> list[types.ResponseOutput]:
        """The columns of a frame as outputs."""
        return [response_output(tensor) for tensor in cls._tensors(payload, use_bytes)]

    @classmethod
    def encode_response(
        cls, model_name: str, payload: Any, model_version: str | None = None, use_bytes: bool = True, **unused: Any
    ) -> types.InferenceResponse:
        """A frame as a response."""
        return types.InferenceResponse(
            model_name=model_name,
            model_version=model_version,
            parameters=types.Parameters(content_type=cls.ContentType),
            outputs=cls.encode_outputs(payload, use_bytes),
        )

    @classmethod
    def encode_request(cls, payload: Any, use_bytes: bool = True, **unused: Any) -> types.InferenceRequest:
        """A frame as a request."""
        return types.InferenceRequest(
            parameters=types.Parameters(content_type=cls.ContentType),
            inputs=[request_input(tensor) for tensor in cls._tensors(payload, use_bytes)],
        )

    @classmethod
    def decode_response(cls, response: types.InferenceResponse) -> Any:
        """The frame of a response."""
        return cls._frame(response.outputs)

    @classmethod
    def decode_request(cls, request: types.InferenceRequest) -> Any:
        """The frame of a request."""
        return cls._frame(request.inputs)

    @classmethod
    def _tensors(cls, payload: Any, use_bytes: bool) -> list[Tensor]:
        tensors: list[Tensor] = _or_codec_error(lambda: cls._codec.encode(payload))
        for tensor in tensors:
            if use_bytes and said_of(tensor.parameters) == TEXT:
                encoded = [one if one is None else one.encode("utf-8") for one in tensor.array.ravel().tolist()]
                tensor.array = input_codecs.bytes_tensor(tensor.name, encoded, tensor.array.shape).array
        return tensors

    @classmethod
    def _frame(cls, items: list[Any]) -> Any:
        def decoded(tensor: Tensor) -> object:
            if said_of(tensor.parameters) == JSON_COLUMN:
                return input_codecs.each(tensor.array, lambda text: input_codecs.JsonCodec()._value(text))
            codec = find_input_codec(said_of(tensor.parameters))
            return tensor if codec is None else codec.decode_input(request_input(tensor))

        return _or_codec_error(lambda: cls._codec.decode([tensor_of(item) for item in items], decoded))
