"""Load on a gRPC port, in messages that are made once: `grpc_load.py PLACE MODEL CONNECTIONS SECONDS [PID]`.

PLACE may be any server of the Open Inference Protocol whose model has an input `data`, FP32 [-1, 4]. With the process id
of the server's master it says what a call costs of the processor, which a busy machine changes less than the rate.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
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
    place, model, connections, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    pid = int(sys.argv[5]) if len(sys.argv) > 5 else None
    before = ticks(pid) if pid else 0
    took = sorted(asyncio.run(load(place, message(model), connections, seconds)))
    line = f"{len(took) / seconds:.0f}/s, p50 {took[len(took) // 2] * 1e3:.2f} ms, p99 {took[len(took) * 99 // 100] * 1e3:.2f} ms"
    if pid:
        line += f", {(ticks(pid) - before) * 1e6 / os.sysconf('SC_CLK_TCK') / len(took):.0f} us of processor time each"
    print(line)


if __name__ == "__main__":
    main()
