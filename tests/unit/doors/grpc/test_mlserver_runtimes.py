"""A runtime that was written for MLServer, served over gRPC: the headers of its calls are their metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from tests.unit.doors.grpc.conftest import GrpcService, request_of

Serve = Callable[..., GrpcService]

RUNTIME = """
from mlserver import MLModel, types
from mlserver.codecs import NumpyCodec, StringCodec


class Doubles(MLModel):
    async def predict(self, payload):
        return self.answer(payload, self.decode(payload.inputs[0], NumpyCodec) * 2, {"X-Answer": "42"})

    async def predict_stream(self, payloads):
        async for payload in payloads:
            for number in self.decode(payload.inputs[0], NumpyCodec):
                yield self.answer(payload, number.reshape(1), {"X-Number": str(number)})

    def answer(self, payload, array, more):
        seen = payload.parameters.headers
        outputs = [
            NumpyCodec.encode_output("doubled", array), StringCodec.encode_output("seen", [seen["x-who"]])
        ]
        headers = {**seen, **more, "Content-Length": "1", "grpc-status": "13", "x-not-ascii": "\u00e9"}
        said = types.Parameters(headers=headers, kept=1)
        return types.InferenceResponse(model_name=self.name, outputs=outputs, parameters=said)
"""
CALLER = [("x-who", "me"), ("x-bytes-bin", b"\0\1")]


@pytest.fixture
def runtime(grpc_service: Serve, tmp_path: Path) -> GrpcService:
    """The runtime above as the model `m`."""
    folder = tmp_path / "doubling"
    folder.mkdir()
    (folder / "models.py").write_text(RUNTIME, encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps({"name": "m", "implementation": "models.Doubles"}))
    return grpc_service(folder)


def test_headers_go_in_and_out_as_metadata_of_the_call(runtime: GrpcService) -> None:
    method = runtime.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    request = request_of(np.array([1.5, 2.5], "float32"), "FP32", model="m")

    body, call = method.with_call(request.SerializeToString(), metadata=CALLER, timeout=30)

    response = messages()[f"{INFERENCE}.ModelInferResponse"].FromString(body)
    assert outputs_of(response) == ([3.0, 5.0], "me")
    assert list(response.parameters) == ["kept"]
    assert call.code() is grpc.StatusCode.OK
    trailing = dict(call.trailing_metadata())
    assert (trailing["x-answer"], trailing["x-who"]) == ("42", "me")
    assert not {"content-length", "x-not-ascii", "grpc-status"} & trailing.keys()


def test_headers_of_the_first_response_to_the_last_request_go_out_at_the_end_of_a_stream(runtime: GrpcService) -> None:
    method = runtime.channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer")
    requests = [request_of(np.array(data, "int64"), "INT64", model="m") for data in ([1, 2], [3, 4])]

    call = method(iter([one.SerializeToString() for one in requests]), metadata=CALLER, timeout=30)
    kind = messages()[f"{INFERENCE}.ModelStreamInferResponse"]
    responses = [kind.FromString(body).infer_response for body in call]

    assert [outputs_of(one, "int64") for one in responses] == [([number], "me") for number in (1, 2, 3, 4)]
    assert [list(one.parameters) for one in responses] == [["kept"]] * 4
    assert call.code() is grpc.StatusCode.OK
    assert dict(call.trailing_metadata())["x-number"] == "3"


def outputs_of(response: Any, dtype: str = "float32") -> tuple[list[float], str]:
    """The numbers, and what the runtime has seen in the header."""
    numbers, seen = response.raw_output_contents
    return np.frombuffer(numbers, dtype).tolist(), seen[4:].decode()
