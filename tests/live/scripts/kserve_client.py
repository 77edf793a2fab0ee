"""KServe's own clients, REST and gRPC, against a server of v2_numbers.py; prints what they saw, as JSON.

    python kserve_client.py REST_PORT GRPC_PORT

Run in an environment that has kserve: see test_kserve_client.py.
"""

import asyncio
import json
import sys

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput

MODEL = "v2_numbers"
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)


def request(rows=ROWS, binary=False, asked=None):
    given = InferInput("data", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=binary)
    outputs = None
    if asked is not None:
        outputs = [RequestedOutput("output-0", parameters={"binary_data": asked})]
    return InferRequest(MODEL, [given], request_id="mine", request_outputs=outputs)


def seen(answer):
    return [answer.model_name, answer.id, answer.outputs[0].as_numpy().tolist()]


async def over_rest(port):
    url, found = f"http://127.0.0.1:{port}", {}
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found["live"] = await client.is_server_live(url)
        found["ready"] = await client.is_server_ready(url)
        found["model"] = await client.is_model_ready(url, MODEL)
        found["other"] = await client.is_model_ready(url, "other")
        for binary in (False, True):
            for asked in (None, False, True):
                headers = {}
                answer = await client.infer(
                    url, request(binary=binary, asked=asked), model_name=MODEL, response_headers=headers
                )
                came_binary = "inference-header-content-length" in headers
                found[f"sent binary: {binary}, asked binary: {asked}"] = [*seen(answer), came_binary]
        try:
            await client.infer(url, request(ROWS[:, :3]), model_name=MODEL)
        except httpx.HTTPStatusError as error:
            found["refused"] = [error.response.status_code, str(error).partition(", '")[0]]
        try:
            await client.infer(url, request(np.full((1, 4), 7, np.float32)), model_name=MODEL)
        except httpx.HTTPStatusError as error:
            found["failed"] = [error.response.status_code, str(error).partition(", '")[0]]
    return found


async def over_grpc(port):
    found = {}
    async with InferenceGRPCClient(f"127.0.0.1:{port}") as client:
        found["live"] = await client.is_server_live()
        found["ready"] = await client.is_server_ready()
        found["model"] = await client.is_model_ready(MODEL)
        found["typed"] = seen(await client.infer(request()))
        found["raw"] = seen(await client.infer(request(binary=True)))
        try:
            await client.infer(request(ROWS[:, :3]))
        except grpc.RpcError as error:
            found["refused"] = [error.code().name, error.details()]
    return found


async def main():
    rest, other = int(sys.argv[1]), int(sys.argv[2])
    sys.stdout.write(json.dumps({"rest": await over_rest(rest), "grpc": await over_grpc(other)}) + "\n")


asyncio.run(main())
