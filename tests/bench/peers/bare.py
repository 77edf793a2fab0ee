"""What the same server can do at best: an ASGI handler that decodes, computes, encodes and nothing else."""

import json
import os

import numpy as np
import orjson
import pandas as pd

WORK = os.environ["BENCH_WORKLOAD"]
RESULT = np.random.default_rng(0).normal(size=(1000, 100))
NUMPY = orjson.OPT_SERIALIZE_NUMPY


def numpy_sum(body):
    return orjson.dumps(np.array(orjson.loads(body)["data"]).sum(axis=1), option=NUMPY)


def text(body):
    return orjson.dumps({"length": len(json.loads(body.decode())["text"])})


def records(body):
    return orjson.dumps([float(pd.DataFrame(orjson.loads(body)["data"]).iloc[0].sum())])


def array_out(body):
    return orjson.dumps(RESULT, option=NUMPY)


def echo(body):
    return body


WORK_OF = {"numpy_sum": numpy_sum, "text": text, "records": records, "array_out": array_out, "echo": echo}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = WORK_OF[WORK](b"".join(parts)) if scope["path"] == "/score" else b"Healthy"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
