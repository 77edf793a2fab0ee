"""decode_args: a predict() whose annotations say what its inputs and outputs are."""

from __future__ import annotations

import functools
import inspect
import types as python_types
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from scoringhost.runtimes.mlserver import types
from scoringhost.runtimes.mlserver.awaiting import INNER
from scoringhost.runtimes.mlserver.codec_base import RequestCodec, find_input_codec, find_request_codec
from scoringhost.runtimes.mlserver.errors import CodecNotFound, InputMissing, InputsNotFound, OutputNotFound


def decode_args(predict: Callable[..., Any]) -> Callable[[Any, Any], Awaitable[Any]]:
    """Have a model's predict() called with an argument for each input, and its result encoded.

    An annotation of a frame takes all inputs that no other parameter has the name of. A tuple becomes `output-0`,
    `output-1` and so on.

    Raises:
        CodecNotFound: if there is no codec for an annotation.
    """
    hints = {name: without_none(hint) for name, hint in typing.get_type_hints(predict).items()}
    returned = hints.pop("return", None)
    inputs = {name: _codec(name, hint, is_input=True) for name, hint in hints.items()}
    output_hints = _parts(returned)
    outputs = [_codec(None, hint, is_input=False) for hint in output_hints]
    parameters = inspect.signature(predict).parameters
    needed = [name for name in inputs if parameters[name].default is inspect.Parameter.empty]

    @functools.wraps(predict)
    async def decoded(self: Any, request: Any) -> Any:
        arguments = _arguments(request, inputs)
        missing = [name for name in needed if name not in arguments]
        # What is Optional and has no default is None, where MLServer fails with a TypeError.
        for name in list(missing):
            if name in optional:
                arguments[name] = None
                missing.remove(name)
        if missing:
            raise InputMissing(missing, list(inputs))
        result = predict(self, **arguments)
        if inspect.isawaitable(result):
            result = await result
        return types.InferenceResponse(
            model_name=self.name, model_version=self.version, outputs=_outputs(result, outputs, output_hints)
        )

    setattr(decoded, INNER, predict)  # all that it awaits is predict()
    optional = {name for name, hint in typing.get_type_hints(predict).items() if without_none(hint) is not hint}
    return decoded


def without_none(hint: Any) -> Any:
    """X of Optional[X], and of `X | None`; anything else as it is."""
    if typing.get_origin(hint) not in (typing.Union, python_types.UnionType):
        return hint
    others = [one for one in typing.get_args(hint) if one is not type(None)]
    return others[0] if len(others) == 1 else hint


def _parts(returned: Any) -> list[Any]:
    if returned is None or returned is type(None):
        return []
    return list(typing.get_args(returned)) if typing.get_origin(returned) is tuple else [returned]


def _codec(name: str | None, hint: Any, *, is_input: bool) -> Any:
    codec = find_input_codec(type_hint=hint) or find_request_codec(type_hint=hint)
    if codec is None:
        raise CodecNotFound(name, str(hint), is_input=is_input)
    return codec


def _is_of_request(codec: Any) -> bool:
    return hasattr(codec, "decode_request") or isinstance(codec, RequestCodec)


def _arguments(request: Any, codecs: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    others = []
    for one in request.inputs:
        codec = codecs.get(one.name)
        if codec is None or _is_of_request(codec):
            others.append(one)
        else:
            arguments[one.name] = codec.decode_input(one)
    if not others:
        return arguments
    frame = next((name for name, codec in codecs.items() if _is_of_request(codec)), None)
    if frame is None:
        raise InputsNotFound(others, codecs)
    arguments[frame] = codecs[frame].decode_request(request.model_copy(update={"inputs": others}))
    return arguments


def _outputs(result: Any, codecs: list[Any], hints: list[Any]) -> list[Any]:
    values = list(result) if isinstance(result, tuple) else [] if result is None else [result]
    outputs: list[Any] = []
    for place, value in enumerate(values):
        codec = codecs[place] if place < len(codecs) else None
        if codec is None or not codec.can_encode(value):
            raise OutputNotFound(place, type(value), hints)
        if _is_of_request(codec):
            outputs += codec.encode_response("", value).outputs
        else:
            outputs.append(codec.encode_output(name=f"output-{place}", payload=value))
    return outputs
