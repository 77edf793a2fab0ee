"""Inference over gRPC: one channel, which is kept; tensors go as raw contents."""

from __future__ import annotations

import json
from typing import Any

import grpc
import grpc.aio

from scoringhost.dialects.oip_grpc.parameters import read_parameters, write_parameters
from scoringhost.dialects.oip_grpc.pool import INFERENCE, INFERENCE_SERVICE, messages
from scoringhost.errors import CallError
from scoringhost.inference.messages import InferenceRequest, InferenceResponse, Tensor
from scoringhost.inference.numpy_elements import from_bytes, to_bytes
from scoringhost.inference.numpy_requests import read_request
from scoringhost.inference.numpy_responses import write_response
from scoringhost.inferring import InferFailed
from scoringhost.inferring.rest import Service
from scoringhost.schema import json_text

Json = dict[str, Any]

MODEL_INFER = f"/{INFERENCE_SERVICE}/ModelInfer"
MAY_PASS = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
"""Codes of requests that may be answered when they are sent again."""
NOBODY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
"""Codes that grpc itself gives where nobody has answered."""
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class OverGrpc:
    """Sends requests, given in the protocol's JSON form, over gRPC."""

    def __init__(self, service: Service) -> None:
        self._service = service
        target = service.target
        if target.tls is None:
            self._channel = grpc.aio.insecure_channel(target.authority, options=UNLIMITED)
        else:
            self._channel = grpc.aio.secure_channel(target.authority, grpc.ssl_channel_credentials(), options=UNLIMITED)
        self._infer = self._channel.unary_unary(MODEL_INFER)
        self._metadata = tuple((name.lower(), value) for name, value in target.headers)

    async def infer(self, request: Json) -> Json:
        """See `Transport`."""
        try:
            message = self._message(read_request(json_text.dumps(request)))
        except CallError as problem:
            raise InferFailed(0, f"the request cannot be sent: {problem}") from None
        try:
            body = await self._infer(
                message.SerializeToString(), timeout=self._service.timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            code = error.code()
            # What grpc says itself comes without the metadata that every answer of a server has.
            is_answered = code not in NOBODY or bool(error.initial_metadata())
            status = code.name if is_answered else 0
            raise InferFailed(status, error.details() or code.name, may_pass=code in MAY_PASS) from None
        response = _response(messages()[f"{INFERENCE}.ModelInferResponse"].FromString(body))
        answer: Json = json.loads(write_response(response, False)[0])
        return answer

    def _message(self, request: InferenceRequest) -> Any:
        message = messages()[f"{INFERENCE}.ModelInferRequest"](
            model_name=self._service.model, model_version=self._service.version or "", id=request.id or ""
        )
        write_parameters(request.parameters, message.parameters)
        for tensor in request.inputs:
            one = message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            write_parameters(tensor.parameters, one.parameters)
            message.raw_input_contents.append(bytes(to_bytes(tensor.array, tensor.datatype)))
        for output in request.outputs:
            write_parameters(output.parameters, message.outputs.add(name=output.name).parameters)
        return message

    async def close(self) -> None:
        """See `Transport`."""
        await self._channel.close()


def _response(message: Any) -> InferenceResponse:
    """The response in a message whose tensors are raw, as they are if those of the request were."""
    outputs = []
    for said, data in zip(message.outputs, message.raw_output_contents, strict=True):
        shape = tuple(said.shape)
        array = from_bytes(memoryview(data), said.datatype, shape)
        outputs.append(Tensor(said.name, said.datatype, shape, array, read_parameters(said.parameters)))
    parameters = read_parameters(message.parameters)
    return InferenceResponse(message.model_name, outputs, message.model_version or None, message.id, parameters)
