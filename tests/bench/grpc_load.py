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
from typing import cast

import grpc
import numpy as np
from hpack import Encoder

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.doors.grpc.http2 import frames

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


class Light(asyncio.Protocol):
    """A connection that costs the machine little: frames are made once, and only looked at for their kind."""

    def __init__(self, body: bytes, calls: int, took: list[float]) -> None:
        self._calls, self._took = calls, took
        fields = [(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", "localhost")]
        fields += [("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "grpc_load")]
        encoder = Encoder()
        self._first, self._block = encoder.encode(fields), encoder.encode(fields)
        self._message = b"\0" + len(body).to_bytes(4, "big") + body
        self._number, self._rest, self._used = -1, b"", 0
        self._began_s: dict[int, float] = {}
        self._answered: set[int] = set()
        self.stops = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(frames.PREFACE + frames.settings([(frames.INITIAL_WINDOW_SIZE, 2**30)]))
        self._transport.write(b"".join([self._call() for _ in range(self._calls)]))

    def _call(self) -> bytes:
        self._number += 2
        number = self._number
        block = self._first if number == 1 else self._block
        self._began_s[number] = time.perf_counter()
        data = frames.frame(frames.DATA, frames.END_STREAM, number, self._message)
        return frames.frame(frames.HEADERS, frames.END_HEADERS, number, block) + data

    def data_received(self, data: bytes) -> None:
        data, at, out = self._rest + data, 0, []
        while len(data) - at >= frames.HEAD_SIZE:
            word, flags, stream = frames.HEAD.unpack_from(data, at)
            end = at + frames.HEAD_SIZE + (word >> 8)
            if end > len(data):
                break
            out.append(self._answer(word & 0xFF, flags, stream, data[at + frames.HEAD_SIZE : end]))
            at = end
        self._rest = data[at:]
        if self._used > 16_384:
            out.append(frames.window_update(0, self._used))
            self._used = 0
        self._transport.write(b"".join(out))

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        """What is sent when a frame has come."""
        if kind == frames.DATA:
            self._used += len(payload)
            self._answered.add(stream)
        elif kind == frames.HEADERS and flags & frames.END_STREAM:
            self._answered.remove(stream)  # a call that fails has no data
            self._took.append(time.perf_counter() - self._began_s.pop(stream))
            return b"" if self.stops else self._call()
        elif kind in (frames.SETTINGS, frames.PING) and not flags & frames.ACK:
            return frames.frame(kind, frames.ACK, 0, payload if kind == frames.PING else b"")
        return b""


async def light_load(place: str, body: bytes, calls: int, seconds: float) -> list[float]:
    """The same as `load`, for small messages."""
    host, _, port = place.rpartition(":")
    took: list[float] = []
    connections = min(4, calls)
    made = [Light(body, calls // connections, took) for _ in range(connections)]
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[loop.create_connection(lambda one=one: one, host, int(port)) for one in made])
    await asyncio.sleep(0.2)
    took.clear()
    await asyncio.sleep(seconds)
    for one in made:
        one.stops = True
    return took


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
    parser.add_argument("--light", action="store_true", help="with a client that takes little of the machine itself")
    parser.add_argument("--pid", type=int, help="of the server's master")
    args = parser.parse_args()
    before = ticks(args.pid) if args.pid else 0
    drive = light_load if args.light else load
    took = sorted(asyncio.run(drive(args.place, message(args.model, args.rows), args.connections, args.seconds)))
    p50_ms, p99_ms = took[len(took) // 2] * 1e3, took[len(took) * 99 // 100] * 1e3
    line = f"{len(took) / args.seconds:.0f} calls/s, p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms"
    if args.pid:
        cost_us = (ticks(args.pid) - before) * 1e6 / os.sysconf("SC_CLK_TCK") / len(took)
        line += f", {cost_us:.0f} us of processor time each"
    print(line)


if __name__ == "__main__":
    main()
