"""What the front of a fleet costs calls over gRPC; `front.py` runs it.

The same service is served twice: alone, with a gRPC port of its own, and in a fleet. The client of `grpc_load.py`, which
takes little of the machine itself, asks both in turns: a small tensor, so many calls at once on up to four connections.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc_load
from servers import free_port

TICKS = os.sysconf("SC_CLK_TCK")
WITHIN_S = 30.0
SCRIPT = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)))
def run(data):
    return data.sum(axis=1)
"""


def measure(rounds: int, seconds: float, calls: int) -> None:
    """Ask both in turns, and print."""
    with tempfile.TemporaryDirectory(prefix="fg", dir="/tmp") as name:
        folder = Path(name)
        service = folder / "services" / "bench"
        service.mkdir(parents=True)
        (service / "score.py").write_text(SCRIPT)
        alone, fleet = free_port(), free_port()
        with (
            served(service / "score.py", alone, "--model-name", "bench") as first,
            served(service.parent, fleet, "--run-dir", str(folder / "run")) as second,
        ):
            ask_in_turns({"straight": (alone, first), "front": (fleet, second)}, rounds, seconds, calls)


@contextmanager
def served(what: Path, grpc_port: int, *flags: str) -> Iterator[int]:
    """Serve a script or a folder, until it is ready; gives the id of its process."""
    port = free_port()
    program = Path(sys.executable).with_name("scoringhost")
    command = [program, "serve", what, "--port", str(port), "--grpc-port", str(grpc_port), *flags]
    environ = {**os.environ, "SCORINGHOST_LOG_LEVEL": "WARNING", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + WITHIN_S
        while not is_ready(port):
            if time.monotonic() > until_s:
                raise SystemExit(f"{what} did not become ready")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def is_ready(port: int) -> bool:
    """Whether a server says that it is ready."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).read()
    except OSError:
        return False
    return True


def tree(pid: int) -> list[int]:
    """A process, and all that have come from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in tree(int(child)))]


def cpu_s(pid: int) -> float:
    """Processor time of a process and all that have come from it, in seconds."""
    total = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def ask_in_turns(places: dict[str, tuple[int, int]], rounds: int, seconds: float, calls: int) -> None:
    """places: ports, and processes whose time is counted, by name."""
    body = grpc_load.message("bench")
    rates: dict[str, list[float]] = {name: [] for name in places}
    costs_us: dict[str, list[float]] = {name: [] for name in places}
    slowest_ms: dict[str, list[float]] = {name: [] for name in places}
    for port, _ in places.values():
        asyncio.run(grpc_load.light_load(f"127.0.0.1:{port}", body, calls, 1.0))  # connections, caches
    for _ in range(rounds):
        for name, (port, pid) in places.items():
            before_s = cpu_s(pid)
            took = sorted(asyncio.run(grpc_load.light_load(f"127.0.0.1:{port}", body, calls, seconds)))
            rates[name].append(len(took) / seconds)
            costs_us[name].append((cpu_s(pid) - before_s) / len(took) * 1e6)
            slowest_ms[name].append(took[len(took) * 99 // 100] * 1000)
    for name in places:
        print(f"gRPC {name:9} {ranged(rates[name], 'calls/s')}, p99 {ranged(slowest_ms[name], 'ms')}")
        print(f"gRPC {name:9} {ranged(costs_us[name], 'us of processor time a call')}")
    ratios = [front / straight for front, straight in zip(rates["front"], rates["straight"], strict=True)]
    print(f"gRPC front to straight {ranged(ratios, 'x')}")


def ranged(values: list[float], unit: str) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):,.2f} {unit} ({min(values):,.2f} to {max(values):,.2f})"
