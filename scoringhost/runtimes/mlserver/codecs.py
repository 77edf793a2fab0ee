"""`mlserver.codecs`: the codecs, what finds them, and `decode_args`."""

from __future__ import annotations

from scoringhost.runtimes.mlserver.codec_base import (
    InputCodec,
    InputCodecLike,
    RequestCodec,
    RequestCodecLike,
    find_input_codec,
    find_request_codec,
    register_input_codec,
    register_request_codec,
)
from scoringhost.runtimes.mlserver.codec_helpers import (
    DecodedParameterName,
    decode_inference_request,
    decode_request_input,
    encode_inference_response,
    encode_response_output,
    get_decoded,
    get_decoded_or_raw,
    has_decoded,
)
from scoringhost.runtimes.mlserver.decode_args import decode_args
from scoringhost.runtimes.mlserver.errors import CodecError, CodecNotFound, InputsNotFound, OutputNotFound
from scoringhost.runtimes.mlserver.usual_codecs import (
    Base64Codec,
    DatetimeCodec,
    NumpyCodec,
    NumpyRequestCodec,
    PandasCodec,
    SingleInputRequestCodec,
    StringCodec,
    StringRequestCodec,
)

__all__ = [
    "Base64Codec",
    "CodecError",
    "CodecNotFound",
    "DatetimeCodec",
    "DecodedParameterName",
    "InputCodec",
    "InputCodecLike",
    "InputsNotFound",
    "NumpyCodec",
    "NumpyRequestCodec",
    "OutputNotFound",
    "PandasCodec",
    "RequestCodec",
    "RequestCodecLike",
    "SingleInputRequestCodec",
    "StringCodec",
    "StringRequestCodec",
    "decode_args",
    "decode_inference_request",
    "decode_request_input",
    "encode_inference_response",
    "encode_response_output",
    "find_input_codec",
    "find_request_codec",
    "get_decoded",
    "get_decoded_or_raw",
    "has_decoded",
    "register_input_codec",
    "register_request_codec",
]
