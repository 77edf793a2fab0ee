"""What is asked of every host, and how it is driven."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

V2 = ("scoringhost", "mlserver", "mlserver-0")
EVERY = ("scoringhost", "bare", "azmlinfsrv")
LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.M)
UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Workload:
    """One row of the comparison. `key` is the figure that ratios are taken of."""

    name: str
    title: str
    service: str
    body: bytes
    connections: int
    hosts: tuple[str, ...]
    content_type: str = "application/json"
    key: str = "requests/s"
    driver: Callable[[Any, Workload, float], dict[str, float]] | None = None
    settings: tuple[tuple[str, str], ...] = ()

    def canonical(self, answer: bytes) -> Any:
        """The answer without the wrapping that each host puts around it."""
        try:
            value = json.loads(answer)
        except ValueError:
            return answer[:64], len(answer)
        if isinstance(value, dict) and "predictions" in value:
            return value["predictions"]
        return value["outputs"][0]["data"] if isinstance(value, dict) and "outputs" in value else value

    def drive(self, server: Any, seconds: float) -> dict[str, float]:
        """One measurement."""
        return (self.driver or wrk)(server, self, seconds)


def agree(left: Any, right: Any) -> bool:
    """Whether two answers are the same numbers, or the same JSON."""
    if isinstance(left, (list, float, int)) and isinstance(right, (list, float, int)):
        return np.allclose(np.ravel(left), np.ravel(right), rtol=1e-6)
    return left == right


def wrk(server: Any, work: Workload, seconds: float) -> dict[str, float]:
    """Requests per second and latency percentiles under wrk."""
    with tempfile.TemporaryDirectory() as folder:
        body, script = os.path.join(folder, "body"), os.path.join(folder, "post.lua")
        with open(body, "wb") as out:
            out.write(server.body)
        with open(script, "w") as out:
            out.write(
                f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{work.content_type}"\n'
                + "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in server.headers.items())
                + f'wrk.body = io.open("{body}", "rb"):read("*a")\n'
            )
        command = ["wrk", "-t1", f"-c{work.connections}", f"-d{max(1, round(seconds))}", "--latency", "-s", script]
        text = subprocess.run([*command, server.url], capture_output=True, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if failed:
        raise SystemExit(f"{server.host} failed {failed[1]} requests of {work.name}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    latency = {f"p{p} ms": float(value) * UNIT_MS[unit] for p, value, unit in LATENCY.findall(text)}
    return {"requests/s": rate, **latency, "pss MB under load": server.pss_mb()}


def beside_slow(server: Any, work: Workload, seconds: float) -> dict[str, float]:
    """Health latency (p50, p99, worst; ms) while one run() computes for two seconds."""
    scoring = threading.Thread(target=server.ask)
    scoring.start()
    time.sleep(0.1)
    waits = []
    while scoring.is_alive():
        started_s = time.perf_counter()
        server.health()
        waits.append((time.perf_counter() - started_s) * 1000)
        time.sleep(0.01)
    scoring.join()
    waits.sort()
    return {"health p50 ms": waits[len(waits) // 2], "health p99 ms": waits[int(len(waits) * 0.99)]}


def over_grpc(server: Any, work: Workload, seconds: float) -> dict[str, float]:
    """Calls over gRPC, in place of HTTP, with the first tensor of the workload's body as raw contents."""
    rows = json.loads(work.body)["inputs"][0]["shape"][0]
    command = [sys.executable, str(Path(__file__).with_name("grpc_load.py")), server.grpc_place, "tensor_sum"]
    command += [str(work.connections), str(max(1, round(seconds))), "--rows", str(rows)]
    if rows == 1:  # of small calls the other client is half the work
        command.append("--light")
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"requests/s": float(re.search(r"([\d.]+) calls/s", text)[1])}  # type: ignore[index]


def _tensor(rows: int) -> bytes:
    """An inference request of the Open Inference Protocol: float32, four columns."""
    data = np.random.default_rng(2).normal(size=rows * 4).astype(np.float32).round(4).tolist()
    return _json({"inputs": [{"name": "data", "datatype": "FP32", "shape": [rows, 4], "data": data}]})


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


_ROWS = np.random.default_rng(1).normal(size=(1000, 100)).round(8).tolist()
_RECORD = {f"c{number}": float(number) if number % 3 else number for number in range(30)}
_ROW = _json({"data": [[float(number) for number in range(10)]]})


def _invocation(rows: int) -> bytes:
    columns = [f"c{number}" for number in range(10)]
    return _json({"dataframe_split": {"columns": columns, "data": [row[:10] for row in _ROWS[:rows]]}})


def _slow(way: str) -> Workload:
    body = _json({"seconds": 2.0, "way": way})
    return Workload(
        f"health-{way}", f"Health beside a run() of 2 s ({way})", "slow", body, 1, ("scoringhost", "scoringhost-fixed", "azmlinfsrv"),
        key="health p99 ms", driver=beside_slow,
    )  # fmt: skip


ALL = {
    work.name: work
    for work in (
        Workload("small", "Small NumPy JSON, 16 connections", "numpy_sum", _ROW, 16, (*EVERY, "scoringhost-silent", "scoringhost-watched", "scoringhost-fixed", "litserve", "mlserver", "bentoml")),
        Workload("text", "Undecorated text, 16 connections", "text", _json({"text": "hello world"}), 16, (*EVERY, "litserve", "bentoml"), "text/plain"),
        Workload("records", "One pandas record of 30 columns, 16 connections", "records", _json({"data": [_RECORD]}), 16, EVERY),
        Workload("numpy-in", "1 MB NumPy JSON in, 4 connections", "numpy_sum", _json({"data": _ROWS}), 4, EVERY),
        Workload("array-out", "1,000 x 100 array out, 4 connections", "array_out", b"{}", 4, EVERY, "text/plain"),
        Workload("echo", "1 MB raw binary echo, 4 connections", "echo", os.urandom(1_000_000), 4, EVERY, "application/octet-stream"),
        Workload("batching", "A model with 5 ms fixed cost, 64 clients", "fixed_cost", _ROW, 64, ("scoringhost", "scoringhost-unbatched", "azmlinfsrv", "litserve", "mlserver")),
        Workload("stream", "A stream of five trivial steps of text, 8 clients", "steps", b"{}", 8, ("scoringhost",), "text/plain"),
        Workload("stream-records", "The same, of records", "steps", _json({"records": True}), 8, ("scoringhost",), "text/plain"),
        Workload("mlflow", "/invocations of a scikit-learn model, one row, 16 connections", "mlflow", _invocation(1), 16, ("scoringhost", "mlflow")),
        Workload("mlflow-rows", "The same, 1,000 rows, 4 connections", "mlflow", _invocation(1000), 4, ("scoringhost", "mlflow")),
        Workload("v2-small", "V2, small FP32 tensor in JSON, 16 connections", "tensor_sum", _tensor(1), 16, V2),
        Workload("v2-large", "V2, 1 MB FP32 tensor in JSON, 4 connections", "tensor_sum", _tensor(30_000), 4, V2),
        Workload("grpc-small", "V2, small FP32 tensor over gRPC, 16 calls at once", "tensor_sum", _tensor(1), 16, V2, driver=over_grpc),
        Workload("grpc-large", "V2, 1 MB FP32 tensor over gRPC, 4 calls at once", "tensor_sum", _tensor(65_000), 4, V2, driver=over_grpc),
        *(_slow(way) for way in ("sleep", "numpy", "python")),
    )
}  # fmt: skip
