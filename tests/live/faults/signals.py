"""Signals under load: to the service, to one of its workers, to all of its processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from tests.conftest import Served, until
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import Drill, Row, pause

CLIENTS = 32


def sigterm(drill: Drill) -> None:
    """The end of a service, with one and two workers, on connections that are kept and on fresh ones."""
    for workers in (1, 2):
        for kind in ("fresh", "kept"):
            with drill.row(
                f"SIGTERM, {workers} worker(s), {kind}", "all that was sent is answered with 200; then exit code 0"
            ) as row:
                sigterm_under_load(row, workers, kind, CLIENTS, drill.seconds)


def sigterm_under_load(row: Row, workers: int, kind: str, clients: int, seconds: float) -> None:
    """Put a server under load, stop it, and count."""
    served = row.serve("drill.py", workers=workers)
    with Load(served.port, clients=clients, kept=kind == "kept") as load:
        pause(seconds)
        served.signal()
        load.until_refused()
    row.add(load.counts)
    row.require_none_lost()
    row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))
    row.require(served.exit_code() == 0, "it did not end with 0")


def sigterm_worker(drill: Drill) -> None:
    """Somebody ends a worker: another takes its place."""
    with drill.row("SIGTERM to a worker", "nothing is lost; another worker takes its place") as row:
        _one_after_the_other(row, drill, lambda served: os.kill(served.workers[-1], signal.SIGTERM), one_new=True)
        row.require_none_lost()


def sighup(drill: Drill) -> None:
    """The service is told to start its workers anew."""
    with drill.row("SIGHUP", "new workers take over, and nothing is lost") as row:
        _one_after_the_other(row, drill, lambda served: served.signal(signal.SIGHUP))
        row.require_none_lost()
    with drill.row("SIGHUP to a worker", "nothing is lost; another worker takes its place") as row:
        _one_after_the_other(row, drill, lambda served: os.kill(served.workers[-1], signal.SIGHUP), one_new=True)
        row.require_none_lost()
    with drill.row("SIGHUP to all processes", "as a terminal that is closed sends it: nothing is lost") as row:
        _one_after_the_other(row, drill, lambda served: os.killpg(served.process.pid, signal.SIGHUP))
        row.require_none_lost()


def sigkill(drill: Drill) -> None:
    """A worker is killed, as the kernel does when memory runs out."""
    required = f"lost are only requests on the killed worker's connections (at most {CLIENTS} a kill), at once"
    with drill.row("SIGKILL of a worker", f"{required}; another takes its place") as row:
        kills = _one_after_the_other(
            row, drill, lambda served: os.kill(served.workers[-1], signal.SIGKILL), one_new=True
        )
        row.require(row.counts["lost"] <= kills * CLIENTS, f"{row.counts['lost']} lost")
        row.require(row.counts["lost by TimeoutError"] == 0, f"{row.counts['lost by TimeoutError']} were never told")
    with drill.row("SIGKILL of the master", "its workers answer what was sent, and end; none is left") as row:
        served = row.serve("drill.py", workers=2)
        with Load(served.port, clients=CLIENTS) as load:
            pause(drill.seconds)
            served.signal(signal.SIGKILL)
            load.until_refused()
        row.add(load.counts)
        row.require_none_lost()


def recycle(drill: Drill) -> None:
    """Workers that have answered enough are replaced, over and over."""
    with drill.row(
        "workers replaced (--max-requests 200)", "all is answered with 200 while workers come and go"
    ) as row:
        served = row.serve("drill.py", "--max-requests", "200", workers=2)
        with Load(served.port, clients=CLIENTS) as load:
            pause(max(drill.seconds, 3.0))
            served.log.wait_for("is ready for requests", 4)
        row.add(load.counts)
        row.note(f"{len(served.workers) - 2} workers replaced")
        row.require_none_lost()
        row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))


def _one_after_the_other(
    row: Row, drill: Drill, act: Callable[[Served], None], *, one_new: bool = False, times: int = 2
) -> int:
    """Do something to a service of two workers under load, a few times; how often.

    one_new: one worker, and not both, is replaced each time.
    """
    served = row.serve("drill.py", workers=2)
    with Load(served.port, clients=CLIENTS // 2) as kept, Load(served.port, clients=CLIENTS // 2, kept=False) as fresh:
        for number in range(1, times + 1):
            pause(drill.seconds / times)
            began_s = time.monotonic()
            act(served)
            served.log.wait_for("is ready for requests", 2 + number * (1 if one_new else 2))
            row.note(f"new ones were ready after {time.monotonic() - began_s:.1f} s")
        row.require(fresh.wait_for(20) and kept.wait_for(20), "nobody is answered afterwards")
        until(lambda: served.process.poll() is None, "the master")
    row.add(kept.counts + fresh.counts)
    row.require(row.counts["status 200"] == row.counts["answered"], statuses(row.counts))
    return times
