"""Decoding and encoding as a model does it: by content types of the request, of its metadata, and by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoringhost.runtimes.mlserver import types
from scoringhost.runtimes.mlserver.codec_base import find_input_codec, find_request_codec

DecodedParameterName = "_decoded_payload"
"""Under this name the parameters of an input, or of a request, hold what it was decoded to."""


def content_type_of(item: Any, metadata: Any = None) -> str | None:
    """The content type that an input or a request says itself, or else its metadata."""
    for one in (item, metadata):
        parameters = getattr(one, "parameters", None)
        said = getattr(parameters, "content_type", None) if parameters else None
        if said:
            return str(said)
    return None


def has_decoded(item: Any) -> bool:
    """Whether it has been decoded."""
    return item.parameters is not None and hasattr(item.parameters, DecodedParameterName)


def get_decoded(item: Any) -> Any:
    """What it was decoded to; None if it was not."""
    return getattr(item.parameters, DecodedParameterName, None)


def get_decoded_or_raw(item: Any) -> Any:
    """What it was decoded to; if it was not, its data, or the request itself."""
    if has_decoded(item):
        return get_decoded(item)
    return getattr(item, "data", item)


def _keep(item: Any, value: Any) -> None:
    if item.parameters is None:
        item.parameters = types.Parameters()
    setattr(item.parameters, DecodedParameterName, value)


def decode_request_input(request_input: Any, metadata_inputs: Mapping[str, Any] | None = None) -> Any:
    """Decode an input by its content type, and keep what it is; None if it has none that is known."""
    codec = find_input_codec(content_type_of(request_input, (metadata_inputs or {}).get(request_input.name)))
    if codec is None:
        return None
    value = codec.decode_input(request_input)
    _keep(request_input, value)
    return value


def decode_inference_request(
    inference_request: Any, model_settings: Any = None, metadata_inputs: Mapping[str, Any] | None = None
) -> Any:
    """Decode each input, and the whole request by its content type; the request itself if it has none that is known."""
    known = metadata_inputs or {}
    codec = find_request_codec(content_type_of(inference_request, model_settings))
    for one in inference_request.inputs:
        if codec is not None and content_type_of(one) is None and (said := content_type_of(one, known.get(one.name))):
            # the codec of the request sees what the metadata says
            one.parameters = one.parameters or types.Parameters()
            one.parameters.content_type = said
        decode_request_input(one, known)
    if codec is None:
        return inference_request
    value = codec.decode_request(inference_request)
    _keep(inference_request, value)
    return value


def encode_response_output(payload: Any, request_output: Any, metadata_outputs: Mapping[str, Any] | None = None) -> Any:
    """A value as the output that is asked for: by its content type, or by the value; None if no codec takes it."""
    said = content_type_of(request_output, (metadata_outputs or {}).get(request_output.name))
    codec = find_input_codec(said) if said else find_input_codec(payload=payload)
    return None if codec is None else codec.encode_output(name=request_output.name, payload=payload)


def encode_inference_response(payload: Any, model_settings: Any) -> Any:
    """A value as a whole response; None if no codec takes it."""
    codec = find_request_codec(payload=payload)
    if codec is None:
        return None
    version = getattr(model_settings.parameters, "version", None) if model_settings.parameters else None
    return codec.encode_response(model_settings.name, payload, version)
