"""The figures of a folder of services, from one command.

    python tests/bench/fleet.py [--services 100] [--calls 3] [--stream-mb 100] [--service samples/diabetes]

It serves a folder with that many copies of one service, and says how long it takes until all are ready, what the first
call to each of them and the later ones take, what memory one idle service has to itself, how long one more takes, and
what the front takes while a large answer goes through it. Memory is looked at when all have been idle for some seconds.

Times are of the machine as it is; its load is printed with them. What a service takes by itself (its import and init())
is in the times. Private memory (USS) is what /proc/PID/smaps_rollup says of a master and its worker; the share (PSS)
counts what only these two have in common, too.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent.parent)  # of the repository, instead of this folder

from scoringhost.fleet import asking  # noqa: E402
from scoringhost.fleet.channel import CallFailed  # noqa: E402
from tests.bench.fleet_memory import processor_s, rollup_mib, uss_mib  # noqa: E402
from tests.conftest import free_port  # noqa: E402

SETTLE_S = 5.0
READY_WITHIN_S = 900.0
MIB = 1024 * 1024
STREAM = """
from scoringhost import rawhttp

PIECE = "x" * (1024 * 1024)


def init():
    pass


@rawhttp
def run(request):
    return pieces(int(request.args["mib"]))


def pieces(number):
    for _ in range(number):
        yield PIECE
"""


class Bench:
    """A fleet that is served for the measurement, in a folder of its own."""

    def __init__(self, service: Path, number: int) -> None:
        # Short paths: those of Unix sockets have 107 bytes.
        self.place = Path(tempfile.mkdtemp(prefix="fleet", dir="/tmp"))
        self.folder, self.run = self.place / "services", self.place / "run"
        self._service = service
        self.body = (service / "request.json").read_bytes()
        for n in range(number):
            self.add(f"s{n}")
        (self.folder / "stream").mkdir()
        (self.folder / "stream" / "score.py").write_text(STREAM)
        self.port = free_port()
        words = [sys.executable, "-m", "scoringhost", "serve", self.folder, "--run-dir", self.run]
        self.began_s = time.perf_counter()
        self.process = subprocess.Popen(
            [*map(str, words), "--host", "127.0.0.1", "--port", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def add(self, name: str) -> None:
        """Put another copy of the service into the folder."""
        shutil.copytree(self._service, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def rows(self) -> list[dict[str, Any]]:
        """What the fleet says of its services; nothing while it does not answer."""
        with suppress(CallFailed, OSError):
            rows: list[dict[str, Any]] = asking.ask(self.run, "status")["services"]
            return rows
        return []

    def until_ready(self) -> None:
        """Wait until the front says that all have tried to start: to ask it costs the supervisor nothing."""
        until_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until_s and self.process.poll() is None:
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("GET", "/readyz")
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    return
            time.sleep(0.05)
        raise SystemExit("the services were not ready")

    def call(self, connection: http.client.HTTPConnection, name: str) -> float:
        """One request; how many milliseconds it took."""
        began_s = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/services/{name}/score", self.body, headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{name}: {reply.status} {text[:200]!r}")
        return (time.perf_counter() - began_s) * 1000

    def front(self) -> int:
        """The process of the first front."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            if b"scoringhost.fleet.front" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        raise SystemExit("there is no front")

    def close(self) -> None:
        """End the fleet, and remove its folder."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)


def of(values: Sequence[float], unit: str) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):.1f} {unit} ({min(values):.1f} to {max(values):.1f})"


def say(text: str) -> None:
    """One line of the figures, as soon as it is known."""
    print(text, flush=True)


def measure_calls(bench: Bench, names: Sequence[str], calls: int) -> None:
    """The first call to each, and then some more to each in turns, one at a time on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    say(f"first call to each: {of([bench.call(connection, name) for name in names], 'ms')}")
    later = [bench.call(connection, name) for _ in range(calls) for name in names]
    say(f"later calls, to each in turns: {of(later, 'ms')}")
    connection.close()


def measure_memory(bench: Bench, rows: Sequence[dict[str, Any]]) -> None:
    """What each idle service has to itself, and what the whole has."""
    time.sleep(SETTLE_S)
    private = [sum(uss_mib(pid) for pid in row["pids"]) for row in rows]
    shares = [sum(rollup_mib(pid, "Pss") for pid in row["pids"]) for row in rows]
    say(f"private memory of an idle service (USS): {of(private, 'MiB')}; its share (PSS): {of(shares, 'MiB')}")
    say(
        f"front: {rollup_mib(bench.front(), 'Rss'):.0f} MiB; supervisor: {rollup_mib(bench.process.pid, 'Rss'):.0f} MiB"
    )


def measure_one_more(bench: Bench, number: int, times: int = 5) -> None:
    """Stop one service and start it again, while all others are there."""
    starts_ms, ran_ms, waited_ms = [], [], []
    names = [f"s{n}" for n in range(min(times, number))]
    for name in names:
        asking.ask(bench.run, "unload", name=name)
        began_s = time.perf_counter()
        asking.ask(bench.run, "load", name=name)
        starts_ms.append((time.perf_counter() - began_s) * 1000)
    # What the fleet says of itself looks at the memory of each process, so that it is not asked in between.
    for row in bench.rows():
        if row["name"] in names:
            used = [processor_s(pid) for pid in row["pids"]]
            ran_ms.append(sum(ran_s for ran_s, _ in used) * 1000)
            waited_ms.append(sum(waited_s for _, waited_s in used) * 1000)
    say(f"one more service, until its first call could come: {of(starts_ms, 'ms')}")
    say(f"  of which processor time: {of(ran_ms, 'ms')}; waiting for a core: {of(waited_ms, 'ms')}")


def measure_stream(bench: Bench, mib: int) -> None:
    """A large answer through the front, and what the front takes at most meanwhile."""
    front = bench.front()
    before_mib = most_mib = rollup_mib(front, "Rss")
    is_over = threading.Event()

    def look() -> None:
        nonlocal most_mib
        while not is_over.wait(0.01):
            most_mib = max(most_mib, rollup_mib(front, "Rss"))

    looking = threading.Thread(target=look)
    looking.start()
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    began_s = time.perf_counter()
    connection.request("GET", f"/services/stream/score?mib={mib}")
    reply = connection.getresponse()
    came = 0
    while piece := reply.read(MIB):
        came += len(piece)
    took_s = time.perf_counter() - began_s
    is_over.set()
    looking.join()
    if came != mib * MIB:
        raise SystemExit(f"{reply.status}: {came} bytes have come")
    say(f"{mib} MiB streamed in {took_s:.2f} s; the front took {before_mib:.1f}, at most {most_mib:.1f} MiB")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--calls", type=int, default=3, help="to each, after the first one")
    parser.add_argument("--stream-mb", type=int, default=100)
    parser.add_argument("--service", type=Path, default=HERE.parents[1] / "samples" / "diabetes")
    given = parser.parse_args()
    say(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, a load of {os.getloadavg()[0]:.1f} before it began")
    bench = Bench(given.service.resolve(), given.services)
    try:
        bench.until_ready()
        say(f"{given.services} services ready after {time.perf_counter() - bench.began_s:.1f} s")
        copies = [row for row in bench.rows() if row["name"] != "stream"]
        if any(row["state"] != "ready" for row in copies):
            raise SystemExit(f"not ready: {[row for row in copies if row['state'] != 'ready']}")
        measure_memory(bench, copies)
        measure_calls(bench, [row["name"] for row in copies], given.calls)
        measure_one_more(bench, given.services)
        measure_stream(bench, given.stream_mb)
        say(f"a load of {os.getloadavg()[0]:.1f} at the end")
    finally:
        bench.close()


if __name__ == "__main__":
    main()
