"""What a small request takes of the processor through each door of a WSGI or ASGI server, in one run.

    python tests/bench/doors.py --requests 3000 --rounds 3

The same script of `services/` is behind every door; the servers are driven in turn, round by round, over four
connections that stay open, and their processor time is read from /proc. That hardly depends on what else the machine
does, while requests/s do. The medians are printed, with the least and the greatest.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BIN = Path(sys.executable).parent
BODY = b'{"data": [[1.0, 2.0, 3.0, 4.0]]}'
JSON = {"Content-Type": "application/json"}
CONNECTIONS = 4
TICKS = os.sysconf("SC_CLK_TCK")

APPS = """
import scoringhost, flask
from fastapi import FastAPI

SCRIPT = {script!r}


def asgi():
    return scoringhost.create_asgi_app(SCRIPT)


def mounted():
    scoring = scoringhost.create_asgi_app(SCRIPT)
    app = FastAPI(lifespan=scoring.lifespan)
    app.mount("/", scoring)
    return app


def wsgi():
    return scoringhost.create_app(SCRIPT)


def guarded():
    app = scoringhost.create_app(SCRIPT)
    app.before_request(lambda: None if "x-nobody" not in flask.request.headers else ("no", 401))
    app.after_request(lambda response: response)
    return app
"""


def commands(script: Path, port: int) -> dict[str, list[str]]:
    """The servers, by what is printed of them."""
    uvicorn = [str(BIN / "uvicorn"), "--no-access-log", "--log-level", "warning", "--port", str(port), "--factory"]
    granian = [str(BIN / "granian"), "--port", str(port), "--factory", "--no-log"]
    gunicorn = [str(BIN / "gunicorn"), "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    return {
        "scoringhost serve": [str(BIN / "scoringhost"), "serve", str(script), "--port", str(port)],
        "uvicorn": [*uvicorn, "apps:asgi"],
        "uvicorn, mounted in FastAPI": [*uvicorn, "apps:mounted"],
        "hypercorn": [str(BIN / "hypercorn"), "--bind", f"127.0.0.1:{port}", "apps:asgi()"],
        "granian, ASGI": [*granian, "--interface", "asgi", "apps:asgi"],
        "granian, WSGI": [*granian, "--interface", "wsgi", "--blocking-threads", "4", "apps:wsgi"],
        "waitress": [str(BIN / "waitress-serve"), f"--listen=127.0.0.1:{port}", "--call", "apps:wsgi"],
        "gunicorn, threads": [*gunicorn, "apps:wsgi()"],
        "gunicorn, threads, with two hooks": [*gunicorn, "apps:guarded()"],
    }


def drive(port: int, count: int) -> None:
    """Send that many requests over some connections, and read every answer."""

    def one(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(count // CONNECTIONS):
            connection.request("POST", "/score", BODY, JSON)
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
        connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as callers:
        list(callers.map(one, range(CONNECTIONS)))


def processor_s(group: int) -> float:
    """Processor time of a process group so far, in seconds."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def measure(command: list[str], folder: Path, port: int, count: int) -> float:
    """Processor time of one request, in microseconds."""
    environ = {**os.environ, "PYTHONPATH": str(folder), "SCORINGHOST_HOST": "127.0.0.1"}
    with open(os.devnull, "wb") as nowhere:
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=nowhere, stderr=nowhere, process_group=0)
    try:
        deadline_s = time.monotonic() + 60
        while True:
            try:
                drive(port, CONNECTIONS)
                break
            except (OSError, AssertionError, http.client.HTTPException):
                assert time.monotonic() < deadline_s, f"{command} does not answer"
                threading.Event().wait(0.1)
        drive(port, 400)
        before_s = processor_s(server.pid)
        drive(port, count)
        return (processor_s(server.pid) - before_s) / count * 1e6
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def main() -> None:
    """Measure all doors and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    script = Path(__file__).resolve().parent / "services" / "numpy_sum.py"
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "apps.py").write_text(APPS.format(script=str(script)), encoding="utf-8")
        for _ in range(given.rounds):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            for door, command in commands(script, port).items():
                found.setdefault(door, []).append(measure(command, folder, port, given.requests))
                print(f"{door}: {found[door][-1]:.0f} us", file=sys.stderr, flush=True)
    print("door                                 processor time of a request, us")
    for door, times in found.items():
        print(f"{door:36} {statistics.median(times):5.0f} ({min(times):.0f} to {max(times):.0f})")


if __name__ == "__main__":
    main()
