"""What the front of a fleet costs: throughput through it against straight to the replica, and its processor time.

    python tests/bench/front.py [--rounds 5] [--seconds 3] [--connections 16] [--only http|grpc]

HTTP: one replica listens on a Unix socket, which the front uses, and on a port. wrk (apt-get install wrk) asks both in turns,
so that what else happens on the machine meets both alike; figures are medians, with their ranges. gRPC: see
`front_grpc.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import front_grpc  # noqa: E402
import fronts  # noqa: E402
from servers import free_port  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
SCRIPT = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0, 3.0, 4.0]])))
def run(data):
    return data.sum(axis=1)
"""
BODY = json.dumps({"data": [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]})
LUA = f"""
wrk.method = "POST"
wrk.body = '{BODY}'
wrk.headers["Content-Type"] = "application/json"
"""


def cpu_s(pid: int) -> float:
    """Processor time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(url: str, lua: Path, seconds: int, connections: int) -> tuple[float, float, int]:
    """Requests a second, their 99th percentile in milliseconds, and how many there were."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(lua), url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    total = re.search(r"(\d+) requests in", text)
    assert rate, text
    assert p99, text
    assert total, text
    return float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]], int(total[1])


def ranged(values: Sequence[float], unit: str) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):,.2f} {unit} ({min(values):,.2f} to {max(values):,.2f})"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", choices=["http", "grpc"])
    given = parser.parse_args()
    if given.only != "grpc":
        over_http(given)
    if given.only != "http":
        front_grpc.measure(given.rounds, given.seconds, given.connections)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def over_http(given: argparse.Namespace) -> None:
    """Start a replica and a front before it, and ask both in turns."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "score.py").write_text(SCRIPT)
        lua = folder / "post.lua"
        lua.write_text(LUA)
        port = free_port()
        binds = f"--bind unix:{folder / 'w.sock'} --bind 127.0.0.1:{port}"
        quiet = {"GUNICORN_CMD_ARGS": binds, "SCORINGHOST_LOG_LEVEL": "WARNING"}
        replica = fronts.Replica(folder / "score.py", folder, **quiet)
        front = fronts.Front()
        try:
            wait_answering(port)
            front.table(fronts.service("bench", fronts.version("1", folder / "w.sock")))
            places = {
                "straight": f"http://127.0.0.1:{port}/score",
                "front": f"http://127.0.0.1:{front.port}/services/bench/score",
            }
            worker = next(iter(children(replica.process.pid)))
            measure(places, {"front": front.process.pid, "straight": worker}, lua, given)
        finally:
            front.kill()
            replica.kill()


def wait_answering(port: int) -> None:
    """Wait until the replica answers."""
    import time
    import urllib.request

    for _ in range(500):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the replica did not become ready")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def measure(places: dict[str, str], pids: dict[str, int], lua: Path, given: argparse.Namespace) -> None:
    """Ask both in turns."""
    rates: dict[str, list[float]] = {name: [] for name in places}
    slowest: dict[str, list[float]] = {name: [] for name in places}
    costs_us: dict[str, list[float]] = {name: [] for name in places}
    ratios = []
    for url in places.values():
        load(url, lua, 1, given.connections)  # connections, caches
    for _ in range(given.rounds):
        for name, url in places.items():
            before_s = cpu_s(pids[name])
            rate, p99_ms, total = load(url, lua, given.seconds, given.connections)
            rates[name].append(rate)
            slowest[name].append(p99_ms)
            costs_us[name].append((cpu_s(pids[name]) - before_s) / total * 1e6)
        ratios.append(rates["front"][-1] / rates["straight"][-1])
    for name in places:
        print(f"{name:9} {ranged(rates[name], 'requests/s')}, p99 {ranged(slowest[name], 'ms')}")
    print(f"front to straight {ranged(ratios, 'x')}")
    print(f"processor time of the front {ranged(costs_us['front'], 'us a request')}")
    print(f"processor time of a worker that is asked straight {ranged(costs_us['straight'], 'us a request')}")
    resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pids['front']}/status").read_text())
    assert resident is not None
    print(f"memory of the front: {int(resident[1]) / 1024:.1f} MiB")


if __name__ == "__main__":
    main()
