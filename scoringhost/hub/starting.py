"""A hub that is started when somebody needs one: detached, so that it outlives whoever started it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from scoringhost.hub.errors import HubNotRunning
from scoringhost.hub.home import Home
from scoringhost.hub.record import HubRecord, read_record

START_S = 60.0
"""Seconds that a hub may take until it answers; it does within one, unless it has much to look at."""

LEAVE_S = 5.0
"""Seconds that the ports from the last time are waited for."""

PORTS = "ports.json"
LOG = "hub.log"
LARGEST_LOG = 5 * 1024 * 1024
"""Bytes above which the log is begun anew; one from before is kept."""
_DEFAULT_PORTS = (5001, 5002)
_OF_THE_CALLER = ("AZUREML_MODEL_DIR", "AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT")
"""Variables that say what a process of the caller's serves, and nothing about a hub."""


def running_or_started(
    home: Path, environ: Mapping[str, str], *, may_start: bool = True, port: int | None = None
) -> tuple[HubRecord, bool]:
    """The hub of a folder, and whether it has only just been started. port: for its services then.

    Raises:
        HubNotRunning: if none runs, and it may not be started, or could not be.
    """
    record = read_record(home)
    if record is not None:
        return record, False
    if not may_start:
        raise HubNotRunning(str(home), "none runs; scoringhost hub serve starts one")
    Home(home).close()
    with _alone(home):
        record = read_record(home)
        if record is not None:
            return record, False
        return _started(home, environ, port), True


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Of several that need a hub at once, one starts it."""
    lock = os.open(home / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _started(home: Path, environ: Mapping[str, str], port: int | None) -> HubRecord:
    front, control = _ports(home)
    front = front if port is None else port
    command = [sys.executable, "-m", "scoringhost", "hub", "serve", "--home", str(home)]
    command += ["--port", str(front), "--control-port", str(control), "--detached"]
    variables = {name: value for name, value in environ.items() if name not in _OF_THE_CALLER}
    with suppress(OSError):
        if (home / LOG).stat().st_size > LARGEST_LOG:
            (home / LOG).rename(home / f"{LOG}.1")
    log = os.open(home / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    before = os.fstat(log).st_size
    try:
        # A session of its own, and none of the caller's files: neither Ctrl-C nor a closed terminal ends it, and a
        # pipe that the caller writes to does not stay open for its sake.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=home,
            env=variables,
        )
    finally:
        os.close(log)
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        record = read_record(home)
        if record is not None:
            process.returncode = 0  # it lives on; nobody here waits for it
            _remember(home, record)
            return record
        if process.poll() is not None:
            raise HubNotRunning(str(home), f"it has ended as it started:\n{_log_since(home, before)}")
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise HubNotRunning(str(home), f"it does not answer after {START_S:.0f} s; see {home / LOG}")


def _log_since(home: Path, offset: int) -> str:
    with (home / LOG).open("rb") as file:
        file.seek(offset)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-10:])


def _ports(home: Path) -> tuple[int, int]:
    """For the services and the control API: those from the last time, so that addresses stay, or free ones."""
    wanted, until_s = _DEFAULT_PORTS, time.monotonic()
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads((home / PORTS).read_text(encoding="utf-8"))
        wanted = int(found["services"]), int(found["control"])
        until_s += LEAVE_S  # a hub that was killed a moment ago may have left processes that are just ending
    while not all(_is_free(port) for port in wanted):
        if time.monotonic() >= until_s:
            break
        time.sleep(0.05)
    else:
        return wanted
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def _remember(home: Path, record: HubRecord) -> None:
    ports = {"services": _port_of(record.url), "control": _port_of(record.control)}
    with suppress(OSError):
        (home / PORTS).write_text(f"{json.dumps(ports)}\n", encoding="utf-8")


def _port_of(url: str) -> int:
    return int(url.rpartition(":")[2])
