"""What the service writes to fails it: a full disk, a pipe that nobody reads, a collector that is down or hangs."""

from __future__ import annotations

import contextlib
import importlib.util
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.conftest import PROGRAM, free_port, until
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import SCRIPTS, CannotRun, Drill, Row, pause, rss_mib

DISK = "256k"
SERVE = f"exec {shlex.quote(str(PROGRAM))} serve --host 127.0.0.1 --port {{port}}"
SLOW_S = 1.0
"""Seconds that no answer may take here; run() takes two milliseconds."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """A disk that is soon full; gives what a shell runs before the server, where no disk can be mounted."""
    folder.mkdir()
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=False).returncode == 0
    )
    try:
        yield "" if mounted else "ulimit -f 64; "
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=False)


def full_disk(drill: Drill) -> None:
    """The log, the collection and the flight recorder each on a disk that is full."""
    required = f"all is answered as ever, within {SLOW_S * drill.patience:.0f} s"
    for name, flags, body, status, said in (
        ("log", "> {disk}/log 2>&1", b"print", 200, ""),
        ("collection", "--collect-to {disk}/out", b"x" * 1000, 200, "lost"),
        ("flight recorder", "--record-failures {disk}/out", b"fail " + b"x" * 2000, 500, "lost"),
    ):
        more = "" if name == "log" else "; what is lost is counted in the log"
        with drill.row(f"full disk: {name}", required + more) as row, small_disk(row.folder / "disk") as before:
            disk = row.folder / "disk"
            line = f"{before}{SERVE} {SCRIPTS / 'faulty.py'} {flags.format(disk=disk)}"
            served = row.run("bash", "-c", line).wait_answering()
            with Load(served.port, clients=8, body=body) as load:
                if said:
                    served.log.wait_for(said)
                else:
                    until(partial(_is_full, disk), "the disk to be full")
                pause(drill.seconds)
            row.add(load.counts)
            row.note(f"{statuses(load.counts)}; the slowest took {load.slowest() * 1000:.0f} ms")
            row.require_none_lost()
            row.require(load.counts[f"status {status}"] == load.counts["answered"], statuses(load.counts))
            row.require(load.slowest() < SLOW_S * drill.patience, f"an answer took {load.slowest():.1f} s")
            row.require(served.stop() == 0, "it did not end with 0")


def _is_full(disk: Path) -> bool:
    """Whether a page more does not fit, or where files are limited: whether one is as large as it may be."""
    try:
        probe = disk / "probe"
        probe.write_bytes(b"x" * 8192)
        probe.unlink()
    except OSError:
        with contextlib.suppress(OSError):
            (disk / "probe").unlink()
        return True
    return any(path.is_file() and path.stat().st_size >= 65_536 for path in disk.rglob("*")) and not disk.is_mount()


def blocked_output(drill: Drill) -> None:
    """The log goes into a pipe that nobody reads."""
    required = (
        f"all is answered within {SLOW_S * drill.patience:.0f} s, memory is bounded, the end takes its usual time"
    )
    for flags in ([], ["--log-format", "json"]):
        with drill.row(f"blocked stdout{': JSON' if flags else ''}", required) as row:
            served = row.serve("faulty.py", *flags)
            (worker,) = served.workers
            with served.log.news:  # its lines are taken no more
                before = rss_mib(worker)
                with Load(served.port, clients=8, body=b"print") as load:
                    load.wait_for(1000)
                    pause(drill.seconds)
                grown = rss_mib(worker) - before
                began_s = time.monotonic()
                served.signal()
                code = served.process.wait(30)
                end_s = time.monotonic() - began_s
            row.add(load.counts)
            row.note(f"{load.counts['answered'] * 2 // 1024} MiB printed, {grown:+.1f} MiB; the end took {end_s:.1f} s")
            row.require_none_lost()
            row.require(load.slowest() < SLOW_S * drill.patience, f"an answer took {load.slowest():.1f} s")
            row.require(grown < 20, f"memory has grown by {grown:.1f} MiB")
            row.require(code == 0 and end_s < 10 * drill.patience, f"exit code {code} after {end_s:.1f} s")


def exporters(drill: Drill) -> None:
    """Spans and lines are sent to where nobody listens, and to where somebody listens and never answers."""
    required = f"all is answered within {SLOW_S * drill.patience:.0f} s, and the end takes a few seconds at most"
    for protocol in ("http/protobuf", "grpc"):
        for kind in ("dead", "hanging"):
            with (
                drill.row(f"{kind} OTLP exporter, {protocol.partition('/')[0]}", required) as row,
                _receiver(kind) as port,
            ):
                if importlib.util.find_spec("opentelemetry.exporter") is None:
                    raise CannotRun("pip install '.[otlp]'")
                _export(row, drill, port, protocol)


def _export(row: Row, drill: Drill, port: int, protocol: str) -> None:
    environ: Any = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_LOGS_EXPORTER": "otlp", "OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_BSP_MAX_QUEUE_SIZE": "256",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32",
    }  # fmt: skip
    served = row.serve("drill.py", workers=1, **environ)
    with Load(served.port, clients=8) as load:
        pause(drill.seconds)
    row.add(load.counts)
    began_s = time.monotonic()
    code = served.stop()
    end_s = time.monotonic() - began_s
    row.note(f"the slowest took {load.slowest() * 1000:.0f} ms, the end {end_s:.1f} s")
    row.require_none_lost()
    row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))
    row.require(load.slowest() < SLOW_S * drill.patience, f"an answer took {load.slowest():.1f} s")
    row.require(code == 0 and end_s < 10 * drill.patience, f"exit code {code} after {end_s:.1f} s")


@contextlib.contextmanager
def _receiver(kind: str) -> Iterator[int]:
    if kind == "dead":
        yield free_port()
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield listener.getsockname()[1]
