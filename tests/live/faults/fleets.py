"""A folder of services under load: what is killed, fails, leaks, changes and ends, and what becomes of the requests."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scoringhost.fleet.channel import CallFailed
from tests.conftest import PROGRAM, Served
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import Drill, Row, open_files, pause, rss_mib
from tests.live.fleets import Fleet

CLIENTS = 8

FLAT_MIB = 8.0
"""MiB that a front or the supervisor may take more after all changes than after the first few, or after a stream."""

FLAT_FILES = 4
"""Files and sockets that it may have open more: connections come and go with the load."""

FIRST_CHANGES = 3
"""What a first change imports and opens stays."""

FAILING = "def init():\n    raise ValueError('no model here')\n\n\ndef run(data):\n    return data\n"
LEAKING = """
kept = []


def init():
    pass


def run(data):
    kept.append(b"x" * 500_000)
    return len(kept)
"""
LEAK_MIB = 32
STREAMING = """
from scoringhost import rawhttp

MIB = b"x" * 1024 * 1024


def init():
    pass


@rawhttp
def run(request):
    if request.method == "GET":
        return pieces(int(request.args["mib"]))
    return str(len(request.get_data()))


def pieces(number):
    for _ in range(number):
        yield MIB.decode()
"""
PIECE = bytes(1024 * 1024)


@contextmanager
def fleet_of(row: Row, *names: str) -> Iterator[Fleet]:
    """A fleet with some services, which is not started yet; all of its processes belong to the row."""

    def start(folder: Path, *flags: Any, **environ: str) -> Served:
        return row.run(PROGRAM, "serve", folder, *flags, **environ)

    fleet = Fleet(start)
    for name in names:
        fleet.service(name)
    try:
        yield fleet
        if fleet.served is not None and fleet.served.process.poll() is None:
            fleet.served.stop()
    finally:
        fleet.remove()


def on(fleet: Fleet, name: str, clients: int = CLIENTS) -> Load:
    """Load on one service."""
    return Load(fleet.served.port, clients=clients, target=f"/services/{name}/score")


def require_all_200(row: Row, load: Load) -> None:
    """Everything that was sent was answered, as if nothing had happened."""
    row.add(load.counts)
    row.require_none_lost()
    row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))


# -- killed -----------------------------------------------------------------------------------------


def replica_killed(drill: Drill) -> None:
    """A worker is killed, and then the master of a service, beside another service."""
    required = (
        "each request gets an answer: 502 those that the process had, 503 while none runs; no other service notices"
    )
    for which in ("worker", "master"):
        with drill.row(f"fleet: {which} of a service killed", required) as row, fleet_of(row, "a", "b") as fleet:
            fleet.start()
            _kill_process_of(row, fleet, which, drill.seconds)


def _kill_process_of(row: Row, fleet: Fleet, which: str, seconds: float) -> None:
    master, worker = fleet.row("a")["pids"]

    def is_replaced() -> bool:
        found = fleet.row("a")
        return worker not in found["pids"] and found["ready"] == 1

    with on(fleet, "b") as other, on(fleet, "a") as load:
        pause(seconds / 2)
        os.kill(worker if which == "worker" else master, signal.SIGKILL)
        fleet.until(is_replaced, "a new worker")
        pause(seconds / 2)
        row.require(load.wait_for(20), "nobody is answered afterwards")
    row.note(f"the service: {statuses(load.counts)}; the other one: {statuses(other.counts)}")
    require_all_200(row, other)
    row.add(load.counts)
    row.require_none_lost()
    row.require(load.counts["status 502"] <= CLIENTS, statuses(load.counts))
    expected = sum(load.counts[f"status {code}"] for code in (200, 502, 503))
    row.require(load.counts["answered"] == expected, statuses(load.counts))


def front_killed(drill: Drill) -> None:
    """The process that takes the requests is killed, three times."""
    required = f"lost is only what the killed front had (at most {CLIENTS} a kill); no connection is refused"
    with drill.row("fleet: front killed", required) as row, fleet_of(row, "a") as fleet:
        fleet.start()
        kills = 3
        with on(fleet, "a") as load:
            for _ in range(kills):
                pause(drill.seconds / kills)
                (front,) = fleet.until(fleet.fronts, "a front")
                os.kill(front, signal.SIGKILL)
                row.require(load.wait_for(50), "nobody is answered afterwards")
        row.add(load.counts)
        row.require(load.counts["lost"] <= kills * CLIENTS, f"{load.counts['lost']} lost")
        row.require(load.counts["lost by TimeoutError"] == 0, f"{load.counts['lost by TimeoutError']} were never told")
        row.require(load.counts["refused"] == 0, f"{load.counts['refused']} refused")


def supervisor_killed(drill: Drill) -> None:
    """The supervisor is killed: nothing of the fleet outlives it."""
    required = f"all of its processes end; at most {CLIENTS} lost, and each at once"
    with drill.row("fleet: supervisor killed", required) as row, fleet_of(row, "a", "b") as fleet:
        served = fleet.start()
        with on(fleet, "a") as load:
            pause(drill.seconds)
            served.signal(signal.SIGKILL)
            load.until_refused()
        fleet.gone()
        row.add(load.counts)
        row.require(load.counts["answered"] > 0, "no request was answered")
        row.require(load.counts["lost"] <= CLIENTS, f"{load.counts['lost']} lost")
        row.require(load.counts["lost by TimeoutError"] == 0, f"{load.counts['lost by TimeoutError']} were never told")


def sigterm(drill: Drill) -> None:
    """The end of a fleet, on connections that are kept and on fresh ones."""
    required = "all that was sent is answered with 200; then exit code 0"
    with drill.row("fleet: SIGTERM", required) as row, fleet_of(row, "a") as fleet:
        served = fleet.start()
        fresh = Load(served.port, clients=CLIENTS, target="/services/a/score", kept=False)
        with on(fleet, "a") as kept, fresh:
            pause(drill.seconds)
            served.signal()
            kept.until_refused()
            fresh.until_refused()
        row.require(served.exit_code() == 0, "it did not end with 0")
        require_all_200(row, kept)
        require_all_200(row, fresh)


# -- failing and leaking ----------------------------------------------------------------------------


def failing(drill: Drill) -> None:
    """One service cannot be loaded; another one is changed so that it cannot be reloaded."""
    required = "each says why; the one before the change serves on, and no request to another is lost"
    with drill.row("fleet: services that fail to load", required) as row, fleet_of(row, "a", "b") as fleet:
        fleet.service("bad", FAILING)
        fleet.start()
        with on(fleet, "a") as load, on(fleet, "b") as changed:
            pause(drill.seconds / 2)
            row.require(fleet.call("bad").status == 503, "a service that has failed is no 503")
            reason = fleet.row("bad")["reason"]
            row.require("ValueError" in reason, f"it says {reason!r}")
            fleet.service("b", FAILING)
            row.require("no model here" in _refused(fleet, "reload", name="b"), "the reload does not say why")
            pause(drill.seconds / 2)
            row.require(changed.wait_for(20), "the one before the change does not serve on")
        require_all_200(row, load)
        require_all_200(row, changed)
        row.require(fleet.row("b")["state"] == "ready", f"it is {fleet.row('b')['state']}")


def _refused(fleet: Fleet, method: str, **params: Any) -> str:
    try:
        fleet.ask(method, **params)
    except CallFailed as failure:
        return str(failure)
    return ""


def leaking(drill: Drill) -> None:
    """A script keeps half a megabyte of each request, until its worker has reached its limit."""
    required = "its worker is replaced by one that is ready before it ends; nothing is lost, there or elsewhere"
    with drill.row("fleet: a service that leaks", required) as row, fleet_of(row, "a") as fleet:
        fleet.service("leak", LEAKING)
        fleet.start()
        worker = fleet.row("leak")["pids"][1]
        most = int(rss_mib(worker)) + LEAK_MIB
        fleet.service("leak", LEAKING, settings={"max_worker_memory_mb": most})
        fleet.ask("reload", name="leak")
        before = set(fleet.row("leak")["pids"])
        with on(fleet, "a") as other, on(fleet, "leak", clients=2) as load:
            fleet.until(lambda: not before & set(fleet.row("leak")["pids"][1:]), "another worker")
            pause(drill.seconds)
            row.require(load.wait_for(20), "nobody is answered afterwards")
        row.note(f"limit {most} MiB; {load.counts['answered']} requests kept 0.5 MB each")
        require_all_200(row, other)
        require_all_200(row, load)


# -- changed again and again ------------------------------------------------------------------------


def reloads(drill: Drill) -> None:
    """A service is started anew again and again, under load."""
    required = "all is answered with 200; the supervisor and the front are flat, in memory and in open files"
    with drill.row(f"fleet: {drill.changes} reloads", required) as row, fleet_of(row, "a") as fleet:
        fleet.start()
        with on(fleet, "a") as load:
            _require_flat(row, fleet, drill.changes, lambda: fleet.ask("reload", name="a"))
            row.require(load.wait_for(20), "nobody is answered afterwards")
        require_all_200(row, load)


def load_cycles(drill: Drill) -> None:
    """A service is unloaded and loaded again and again, beside another one under load."""
    required = "no request to the other is lost; the supervisor and the front are flat, in memory and in open files"
    with drill.row(f"fleet: {drill.changes} unloads and loads", required) as row, fleet_of(row, "a", "b") as fleet:
        fleet.start()

        def cycle() -> None:
            fleet.ask("unload", name="b")
            fleet.ask("load", name="b")

        with on(fleet, "a") as load:
            _require_flat(row, fleet, drill.changes, cycle)
        row.require(fleet.call("b").status == 200, "it does not answer after the last load")
        require_all_200(row, load)


def _require_flat(row: Row, fleet: Fleet, times: int, change: Callable[[], object]) -> None:
    """Change something again and again, and see what it leaves in the supervisor, in the front, and beside them."""
    for _ in range(min(FIRST_CHANGES, times)):
        change()
    pids = {"supervisor": fleet.served.process.pid, "front": fleet.fronts()[0]}
    first = {name: (rss_mib(pid), open_files(pid)) for name, pid in pids.items()}
    number = len(fleet.processes())
    for _ in range(times - FIRST_CHANGES):
        change()
    fleet.until(lambda: len(fleet.processes()) <= number, "the sets before to be gone")
    for name, pid in pids.items():
        (mib_before, files_before), mib, files = first[name], rss_mib(pid), open_files(pid)
        row.note(f"{name}: {mib_before:.1f}, at last {mib:.1f} MiB; {files_before}, at last {files} files")
        row.require(mib - mib_before < FLAT_MIB, f"the {name} grew by {mib - mib_before:.1f} MiB")
        row.require(files - files_before <= FLAT_FILES, f"{files - files_before} more files are open in the {name}")


# -- large bodies -----------------------------------------------------------------------------------


def streamed(drill: Drill) -> None:
    """A large body goes through the front, up and down, piece by piece."""
    required = f"all of it arrives, and the front never takes {FLAT_MIB:.0f} MiB more than before"
    mib = drill.stream_mib
    with drill.row(f"fleet: {mib} MiB streamed, each way", required) as row, fleet_of(row) as fleet:
        fleet.service("s", STREAMING, settings={"max_body_mb": mib + 1})
        fleet.start("--max-body-mb", str(mib + 1))
        (front,) = fleet.fronts()
        _down(fleet, 1)
        with Most(front) as most:
            for name, go in (("down", _down), ("up", _up)):
                row.counts["sent"] += 1
                came = go(fleet, mib)
                row.require(came == mib * len(PIECE), f"{came} bytes have come {name}")
                row.counts["answered"] += 1
        row.note(f"the front: {most.first_mib:.1f}, at most {most.mib:.1f} MiB")
        row.require(most.mib - most.first_mib < FLAT_MIB, f"the front took {most.mib:.1f} MiB")


class Most:
    """How much memory a process takes at most, as long as this is entered."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.first_mib = self.mib = rss_mib(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.mib = max(self.mib, rss_mib(self._pid))

    def __enter__(self) -> Most:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _down(fleet: Fleet, mib: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", fleet.served.port, timeout=60)
    connection.request("GET", f"/services/s/score?mib={mib}")
    reply = connection.getresponse()
    came = 0
    while piece := reply.read(len(PIECE)):
        came += len(piece)
    connection.close()
    return came


def _up(fleet: Fleet, mib: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", fleet.served.port, timeout=60)
    headers = {"Content-Length": str(mib * len(PIECE)), "Content-Type": "application/octet-stream"}
    connection.request("POST", "/services/s/score", (PIECE for _ in range(mib)), headers)
    text = connection.getresponse().read()
    connection.close()
    return int(json.loads(text))


ROWS: dict[str, Callable[[Drill], None]] = {
    "fleet-replica": replica_killed,
    "fleet-front": front_killed,
    "fleet-supervisor": supervisor_killed,
    "fleet-sigterm": sigterm,
    "fleet-failing": failing,
    "fleet-leaking": leaking,
    "fleet-reloads": reloads,
    "fleet-cycles": load_cycles,
    "fleet-streamed": streamed,
}
"""What `--only` may name."""
