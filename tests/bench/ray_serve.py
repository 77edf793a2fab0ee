"""What Ray Serve costs: requests a second through it against `scoringhost serve`, side by side in one run.

    python tests/bench/ray_serve.py [--rounds 3] [--seconds 3] [--replicas 2] [--only python|haproxy]

Needs `pip install 'ray[serve]'` and wrk (apt-get install wrk). One cluster after the other is started, with Ray's proxy in
Python and with HAProxy; its replicas and one worker of the server have the same script. wrk asks them in turns, so that
what else happens on the machine meets all alike; figures are medians of the rounds, ratios with their ranges.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "samples" / "diabetes"
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

import ray_cluster  # noqa: E402
from servers import free_port  # noqa: E402

ENVIRONS = {"python": {}, "haproxy": {"RAY_SERVE_ENABLE_HA_PROXY": "1"}}
CONNECTIONS = (1, 8)


def lua() -> str:
    """What wrk is to send."""
    body = (SAMPLE / "request.json").read_text().replace("\n", "")
    return f"wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['Content-Type'] = 'application/json'\n"


def load(url: str, script: Path, seconds: int, connections: int) -> tuple[float, float]:
    """Requests a second, and the median of their times in ms."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    assert rate is not None, said
    assert middle is not None, said
    return float(rate[1]), float(middle[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[middle[2]]


def compare(kind: str, ours: str, options: argparse.Namespace, script: Path) -> None:
    """Print one table: the server and a cluster of Ray with that proxy."""
    from scoringhost.ray import deployment

    cluster = ray_cluster.Cluster(free_port, **ENVIRONS[kind])
    try:
        cluster.run("diabetes", deployment(str(SAMPLE), replicas=options.replicas, num_cpus=0.5))
        theirs = f"http://127.0.0.1:{cluster.port}/score"
        for connections in CONNECTIONS:
            load(theirs, script, 2, connections)  # warm
            rows: dict[str, list[tuple[float, float]]] = {"serve": [], kind: []}
            for _ in range(options.rounds):
                rows["serve"].append(load(ours, script, options.seconds, connections))
                rows[kind].append(load(theirs, script, options.seconds, connections))
            show(kind, connections, rows)
    finally:
        cluster.close()


def show(kind: str, connections: int, rows: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians, and how often one goes into the other."""
    ratios = [one[0] / other[0] for one, other in zip(rows["serve"], rows[kind], strict=True)]
    for name, found in rows.items():
        rate, middle = (statistics.median(values) for values in zip(*found, strict=True))
        print(f"{connections} connections  {name:8} {rate:9,.0f}/s  p50 {middle:7.2f} ms")
    low, high = min(ratios), max(ratios)
    print(
        f"{connections} connections  serve is {statistics.median(ratios):.0f} times {kind} ({low:.0f} to {high:.0f})\n"
    )


def main() -> None:
    """Start the server, and one cluster after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--only", choices=list(ENVIRONS))
    options = parser.parse_args()
    if importlib.util.find_spec("ray") is None:
        raise SystemExit("pip install 'ray[serve]'")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.lua"
        script.write_text(lua())
        command = [str(Path(sys.executable).parent / "scoringhost"), "serve", str(SAMPLE), "--port", str(port)]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([*command, "--host", "127.0.0.1"], **quiet)
        try:
            ours = f"http://127.0.0.1:{port}/score"
            ray_cluster.until(lambda: answers(port), "the server")
            for kind in [options.only] if options.only else list(ENVIRONS):
                compare(kind, ours, options, script)
        finally:
            server.terminate()
            server.wait()


def answers(port: int) -> bool:
    """Whether the server serves."""
    import http.client

    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False


if __name__ == "__main__":
    main()
