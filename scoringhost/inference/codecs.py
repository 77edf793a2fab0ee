"""Content types: which codec reads a tensor, or all of them, and the codecs that scripts have added.

Who is asked first, as in MLServer: the input's own `parameters.content_type`, then what the model's metadata says of
it. A name that nobody knows says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoringhost.inference.input_codecs import (
    Base64Codec,
    DatetimeCodec,
    InputCodec,
    JsonCodec,
    NumpyCodec,
    StringCodec,
)
from scoringhost.inference.messages import Tensor
from scoringhost.inference.request_codecs import RequestCodec, usual_request_codecs
from scoringhost.schema.declared import Misfit

CONTENT_TYPE = "content_type"
"""The parameter that names one, of a tensor and of a whole request."""

INPUT_CODECS: dict[str, InputCodec] = {
    codec.content_type: codec for codec in (NumpyCodec(), StringCodec(), Base64Codec(), DatetimeCodec(), JsonCodec())
}
REQUEST_CODECS: dict[str, RequestCodec] = {codec.content_type: codec for codec in usual_request_codecs()}
_OWN, _OWN_OF_REQUESTS = dict(INPUT_CODECS), dict(REQUEST_CODECS)


def register_input_codec(codec: InputCodec) -> None:
    """Have tensors read and made by a codec where its content type is asked for; the newest of one name counts."""
    INPUT_CODECS[codec.content_type] = codec


def register_request_codec(codec: RequestCodec) -> None:
    """Have whole requests read and made by a codec where its content type is asked for."""
    REQUEST_CODECS[codec.content_type] = codec


def said_of(parameters: Mapping[str, Any]) -> str | None:
    """The content type that some parameters name."""
    said = parameters.get(CONTENT_TYPE)
    return said if isinstance(said, str) and said else None


def codec_of(tensor: Tensor, known: str | None = None) -> InputCodec | None:
    """The codec of a tensor: by its own content type, or else by `known`, which the metadata says; None without one."""
    for name in (said_of(tensor.parameters), known):
        codec = INPUT_CODECS.get(name or "")
        if codec is not None:
            return codec
    return None


def added_input_codec(content_type: object) -> InputCodec | None:
    """The codec of that content type that a script has added; None for the host's own, and without one."""
    codec = INPUT_CODECS.get(content_type) if isinstance(content_type, str) else None
    return None if codec is _OWN.get(str(content_type)) else codec


def added_request_codec(content_type: object) -> RequestCodec | None:
    """The same for whole requests."""
    codec = REQUEST_CODECS.get(content_type) if isinstance(content_type, str) else None
    return None if codec is _OWN_OF_REQUESTS.get(str(content_type)) else codec


def value_of(tensor: Tensor, known: str | None = None) -> object:
    """The value of a tensor, by its content type; the tensor itself if it has none.

    Raises:
        Misfit: if it does not fit; `path` begins with the tensor's name.
    """
    codec = codec_of(tensor, known)
    if codec is None:
        return tensor
    try:
        return codec.decode(tensor)
    except Misfit as misfit:
        raise misfit.under(tensor.name) from None


def value_of_all(
    tensors: Sequence[Tensor], content_type: str | None, known: Mapping[str, str | None] | None = None
) -> object | None:
    """The value of all tensors together, by the content type of the request; None if there is no codec of that name.

    known: what the metadata says of the tensors' own content types.

    Raises:
        Misfit: if they do not fit.
    """
    codec = REQUEST_CODECS.get(content_type or "")
    if codec is None:
        return None
    said = known or {}
    return codec.decode(tensors, lambda tensor: value_of(tensor, said.get(tensor.name)))


def find_input_codec(value: object) -> InputCodec | None:
    """The first codec that takes a value; those that scripts have added are asked first."""
    return next((codec for codec in _newest_first(INPUT_CODECS) if codec.can_encode(value)), None)


def find_request_codec(value: object) -> RequestCodec | None:
    """The first codec that takes a value as a whole request or response."""
    return next((codec for codec in _newest_first(REQUEST_CODECS) if codec.can_encode(value)), None)


def _newest_first(codecs: Mapping[str, Any]) -> list[Any]:
    added = [codec for codec in codecs.values() if not type(codec).__module__.startswith("scoringhost.inference.")]
    return [*reversed(added), *(codec for codec in codecs.values() if codec not in added)]
