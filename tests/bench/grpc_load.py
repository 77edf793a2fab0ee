"""Load on a gRPC port, in messages that are made once: `grpc_load.py HOST:PORT MODEL CALLS SECONDS`.

It may be any server of the Open Inference Protocol whose model has an input `data`, FP32 [-1, 4]. With the process id
of the server's master it says what a call costs of the processor, which a busy machine changes less than the rate.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import time

import grpc
import numpy as np

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages

METHOD = "/inference.GRPCInferenceService/ModelInfer"


def message(model: str, rows: int = 1) -> bytes:
    request = messages()[f"{INFERENCE}.ModelInferRequest"](model_name=model)
    request.inputs.add(name="data", datatype="FP32", shape=[rows, 4])
    request.raw_input_contents.append(np.ones((rows, 4), np.float32).tobytes())
    return request.SerializeToString()


def ticks(pid: int) -> int:
    """Processor time of a process and its children, in hundredths of a second."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    total = 0
    for one in [str(pid), *found]:
        with open(f"/proc/{one}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


async def load(place: str, body: bytes, connections: int, seconds: float) -> list[float]:
    """How long each call took, in seconds."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(place, options=options) for _ in range(min(4, connections))]
    calls = [channel.unary_unary(METHOD) for channel in channels]
    took = []
    await asyncio.gather(*[call(body) for call in calls])
    until_s = time.perf_counter() + seconds

    async def one(call: grpc.aio.UnaryUnaryMultiCallable) -> None:
        while (began_s := time.perf_counter()) < until_s:
            await call(body)
            took.append(time.perf_counter() - began_s)

    await asyncio.gather(*[one(calls[number % len(calls)]) for number in range(connections)])
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", help="HOST:PORT")
    parser.add_argument("model")
    parser.add_argument("connections", type=int, help="calls at once")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--pid", type=int, help="of the server's master")
    args = parser.parse_args()
    before = ticks(args.pid) if args.pid else 0
    took = sorted(asyncio.run(load(args.place, message(args.model, args.rows), args.connections, args.seconds)))
    p50_ms, p99_ms = took[len(took) // 2] * 1e3, took[len(took) * 99 // 100] * 1e3
    line = f"{len(took) / args.seconds:.0f} calls/s, p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms"
    if args.pid:
        cost_us = (ticks(args.pid) - before) * 1e6 / os.sysconf("SC_CLK_TCK") / len(took)
        line += f", {cost_us:.0f} us of processor time each"
    print(line)


if __name__ == "__main__":
    main()
