"""The inputs of a predict() under decode_args, by the annotations of its parameters."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from scoringhost.inference.model_metadata import NamedTensor, PlainInputs
from scoringhost.runtimes.mlserver.codec_base import find_input_codec
from scoringhost.runtimes.mlserver.decode_args import without_none
from scoringhost.schema.tensor_metadata import BASE64, DATETIME, TEXT

_OF_TEXTS = frozenset({TEXT, BASE64, DATETIME})


def hinted_inputs(predict: Callable[..., Any]) -> PlainInputs:
    """What a predict() takes; nothing, if it is not under decode_args, ours or MLServer's.

    An array may have any datatype. A frame takes inputs of any other name.
    """
    inner = inspect.unwrap(predict)
    if inner is predict:
        return PlainInputs()
    hints = typing.get_type_hints(inner)
    known: dict[str, NamedTensor | None] = {}
    takes_others = False
    for name, parameter in list(inspect.signature(inner).parameters.items())[1:]:  # the first is self
        hint = without_none(hints.get(name))
        codec = find_input_codec(type_hint=hint)
        content_type = getattr(codec, "ContentType", None)
        if codec is None:
            takes_others = True
        elif content_type in _OF_TEXTS:
            is_optional = parameter.default is not inspect.Parameter.empty or hint is not hints[name]
            known[name] = NamedTensor(name, "BYTES", (-1,), content_type, is_optional)
        else:
            known[name] = None
    return PlainInputs(known, takes_others)
