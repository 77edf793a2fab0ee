"""The modules of `mlserver`, where that package is absent: which there are, and where what is in them comes from."""

from __future__ import annotations

_HOME = "scoringhost.runtimes.mlserver"
SAYS = "MLModel, the codecs and the types are scoringhost's own; its server and its repositories are not there"

MODULES = {
    "mlserver": (_HOME, ("MLModel", "ModelParameters", "ModelSettings", "Settings", "__version__", "log", "register")),
    "mlserver.codecs": (
        f"{_HOME}.codecs",
        (
            *("Base64Codec", "CodecError", "DatetimeCodec", "DecodedParameterName", "InputCodec", "InputCodecLike"),
            *("NumpyCodec", "NumpyRequestCodec", "PandasCodec", "RequestCodec", "RequestCodecLike", "StringCodec"),
            *("StringRequestCodec", "decode_args", "decode_inference_request", "decode_request_input"),
            *("encode_inference_response", "encode_response_output", "get_decoded", "get_decoded_or_raw"),
            *("has_decoded", "register_input_codec", "register_request_codec"),
        ),
    ),
    "mlserver.codecs.base": (
        f"{_HOME}.codecs",
        (
            *("InputCodec", "InputCodecLike", "RequestCodec", "RequestCodecLike", "find_input_codec"),
            *("find_request_codec", "register_input_codec", "register_request_codec"),
        ),
    ),
    "mlserver.codecs.utils": (
        f"{_HOME}.codecs",
        (
            *("DecodedParameterName", "SingleInputRequestCodec", "decode_inference_request", "decode_request_input"),
            *("encode_inference_response", "encode_response_output", "get_decoded", "get_decoded_or_raw"),
            *("has_decoded",),
        ),
    ),
    "mlserver.codecs.decorator": (f"{_HOME}.codecs", ("decode_args",)),
    "mlserver.codecs.errors": (f"{_HOME}.codecs", ("CodecError", "CodecNotFound", "InputsNotFound", "OutputNotFound")),
    "mlserver.codecs.numpy": (f"{_HOME}.codecs", ("NumpyCodec", "NumpyRequestCodec")),
    "mlserver.codecs.pandas": (f"{_HOME}.codecs", ("PandasCodec",)),
    "mlserver.codecs.string": (f"{_HOME}.codecs", ("StringCodec", "StringRequestCodec")),
    "mlserver.codecs.base64": (f"{_HOME}.codecs", ("Base64Codec",)),
    "mlserver.codecs.datetime": (f"{_HOME}.codecs", ("DatetimeCodec",)),
    "mlserver.errors": (
        f"{_HOME}.errors",
        (
            *("InferenceError", "InvalidModelURI", "MLServerError", "ModelNotFound", "ModelNotReady"),
            *("ModelParametersMissing",),
        ),
    ),
    "mlserver.handlers": (f"{_HOME}.handlers", ("custom_handler", "get_custom_handlers")),
    "mlserver.handlers.custom": (f"{_HOME}.handlers", ("CustomHandler", "custom_handler", "get_custom_handlers")),
    "mlserver.logging": (f"{_HOME}.model_log", ("get_logger", "logger")),
    "mlserver.metrics": (f"{_HOME}.metrics", ("log", "register")),
    "mlserver.model": (f"{_HOME}.model", ("MLModel",)),
    "mlserver.settings": (f"{_HOME}.settings", ("ModelParameters", "ModelSettings", "Settings")),
    "mlserver.types": (
        f"{_HOME}.types",
        (
            *("Datatype", "InferenceErrorResponse", "InferenceRequest", "InferenceResponse"),
            *("MetadataModelErrorResponse", "MetadataModelResponse", "MetadataServerErrorResponse"),
            *("MetadataServerResponse", "MetadataTensor", "Parameters", "RepositoryIndexRequest"),
            *("RepositoryIndexResponse", "RepositoryIndexResponseItem", "RepositoryLoadErrorResponse"),
            *("RepositoryUnloadErrorResponse", "RequestInput", "RequestOutput", "ResponseOutput", "State"),
            *("TensorData",),
        ),
    ),
    "mlserver.utils": (f"{_HOME}.utils", ("get_model_uri", "to_absolute_path")),
    "mlserver.version": ("scoringhost._version", ("__version__",)),
}
"""By the name of a module: the module that its names are taken from, and the names."""
PACKAGES = frozenset({"mlserver", "mlserver.codecs", "mlserver.handlers"})
