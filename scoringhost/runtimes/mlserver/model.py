"""MLModel: the base of a runtime, with MLServer's methods and properties."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from scoringhost.runtimes.mlserver import types
from scoringhost.runtimes.mlserver.codec_helpers import (
    decode_inference_request,
    decode_request_input,
    encode_inference_response,
    encode_response_output,
    get_decoded,
    has_decoded,
)
from scoringhost.runtimes.mlserver.errors import CodecNotFound
from scoringhost.runtimes.mlserver.settings import ModelSettings


class MLModel:
    """A model that is loaded and predicts. A class of its own overrides `load` and `predict`, at least the latter.

    All of its methods run on one thread, or on one event loop, in each worker; see `runtime.Runtime`.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._inputs_index = _by_name(settings.inputs)
        self._outputs_index = _by_name(settings.outputs)
        self.ready = False

    # -- what is overridden -------------------------------------------------------------------------

    async def load(self) -> bool:
        """Load the model; False if it cannot be used, which the server answers for it then."""
        return True

    async def predict(self, payload: types.InferenceRequest) -> types.InferenceResponse:
        """Answer a request."""
        raise NotImplementedError(f"{type(self).__name__} has no predict()")

    async def predict_stream(
        self, payloads: AsyncIterator[types.InferenceRequest]
    ) -> AsyncIterator[types.InferenceResponse]:
        """Answer requests with responses as they come to be; without a method of its own, one for each request."""
        async for payload in payloads:
            yield await self.predict(payload)

    async def unload(self) -> bool:
        """Let go of what `load` has taken."""
        return True

    # -- what it is told ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the model."""
        return self._settings.name

    @property
    def version(self) -> str | None:
        """Its version, if it has one."""
        return self._settings.version

    @property
    def settings(self) -> ModelSettings:
        """Its settings."""
        return self._settings

    @property
    def inputs(self) -> list[types.MetadataTensor]:
        """What the metadata says of its inputs; may be set while it is loaded."""
        return self._settings.inputs

    @inputs.setter
    def inputs(self, value: Sequence[types.MetadataTensor]) -> None:
        self._settings.inputs = list(value)
        self._inputs_index = _by_name(value)

    @property
    def outputs(self) -> list[types.MetadataTensor]:
        """What the metadata says of its outputs; may be set while it is loaded."""
        return self._settings.outputs

    @outputs.setter
    def outputs(self, value: Sequence[types.MetadataTensor]) -> None:
        self._settings.outputs = list(value)
        self._outputs_index = _by_name(value)

    async def metadata(self) -> types.MetadataModelResponse:
        """What the model says about itself."""
        said = self._settings.parameters.content_type if self._settings.parameters else None
        return types.MetadataModelResponse(
            name=self.name,
            platform=self._settings.platform,
            versions=self._settings.versions,
            inputs=self.inputs,
            outputs=self.outputs,
            parameters=types.Parameters(content_type=said) if said else None,
        )

    # -- decoding and encoding ------------------------------------------------------------------------

    def decode(self, request_input: types.RequestInput, default_codec: Any = None) -> Any:
        """The value of an input: by its content type, the metadata's, or the default; its data if there is none."""
        decode_request_input(request_input, self._inputs_index)
        if has_decoded(request_input):
            return get_decoded(request_input)
        return request_input.data if default_codec is None else default_codec.decode_input(request_input)

    def decode_request(self, inference_request: types.InferenceRequest, default_codec: Any = None) -> Any:
        """The value of a request: by its content type, the metadata's, or the default; the request if there is none."""
        decode_inference_request(inference_request, self._settings, self._inputs_index)
        if has_decoded(inference_request):
            return get_decoded(inference_request)
        return inference_request if default_codec is None else default_codec.decode_request(inference_request)

    def encode(
        self, payload: Any, request_output: types.RequestOutput, default_codec: Any = None
    ) -> types.ResponseOutput:
        """A value as the output that is asked for.

        Raises:
            CodecNotFound: if no codec takes it, and there is no default.
        """
        output: types.ResponseOutput | None = encode_response_output(payload, request_output, self._outputs_index)
        if output is None and default_codec is not None:
            output = default_codec.encode_output(request_output.name, payload)
        if output is None:
            raise CodecNotFound(request_output.name, str(type(payload)))
        return output

    def encode_response(self, payload: Any, default_codec: Any = None) -> types.InferenceResponse:
        """A value as a response.

        Raises:
            CodecNotFound: if no codec takes it, and there is no default.
        """
        response: types.InferenceResponse | None = encode_inference_response(payload, self._settings)
        if response is None and default_codec is not None:
            response = default_codec.encode_response(self.name, payload, self.version)
        if response is None:
            raise CodecNotFound(payload_type=str(type(payload)), is_request=True)
        return response


def _by_name(tensors: Sequence[types.MetadataTensor] | None) -> Mapping[str, types.MetadataTensor]:
    return {tensor.name: tensor for tensor in tensors or ()}
