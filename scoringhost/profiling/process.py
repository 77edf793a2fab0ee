"""The service that is profiled: its life as a process, and what /proc says about it (Linux only)."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scoringhost.errors import ScoringHostError
from scoringhost.process.supervisor import Child, start_program

LOCALHOST = "127.0.0.1"
START_S = 900.0
"""Seconds that init() may take."""
STOP_S = 10.0
"""Seconds between SIGTERM and SIGKILL."""
TAIL_LINES = 20
POLL_S = 0.02


class ServiceFailed(ScoringHostError):
    """The service did not start, or ended by itself; `log_tail` holds the last lines that it wrote."""

    def __init__(self, what: str, log_tail: str) -> None:
        super().__init__(f"the service {what}")
        self.log_tail = log_tail


# -- /proc ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stat:
    """What is needed of /proc/PID/stat; `ticks` are those of the process and of its children that have ended."""

    pid: int
    parent: int
    session: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """Read /proc/PID/stat; the name in it may hold spaces and brackets."""
    fields = text.rpartition(")")[2].split()
    return Stat(int(text.split()[0]), int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])))


def family(stats: Iterable[Stat], root: int) -> list[Stat]:
    """The process `root`, what belongs to its session, and all descendants of these."""
    rest, found, pids = list(stats), [], {root}
    while chosen := [stat for stat in rest if stat.pid in pids or stat.session == root or stat.parent in pids]:
        found += chosen
        pids |= {stat.pid for stat in chosen}
        rest = [stat for stat in rest if stat.pid not in pids]
    return found


class ProcessTree:
    """CPU time and memory of a process that leads a session, together with all that it started."""

    def __init__(self, root: int, proc: Path = Path("/proc")) -> None:
        self._root, self._proc = root, proc
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")

    def cpu_s(self) -> float:
        """Seconds of CPU used so far, by user and system."""
        return sum(stat.ticks for stat in self._family()) / self._ticks_per_s

    def pss_mib(self) -> float | None:
        """Proportional set size: memory in which shared pages count once, in MiB; None if it cannot be read."""
        total_kib = 0
        for stat in self._family():
            with contextlib.suppress(OSError, IndexError):  # it has ended, or is about to
                rollup = (self._proc / str(stat.pid) / "smaps_rollup").read_text()
                total_kib += int(rollup.split("\nPss:")[1].split()[0])
        return total_kib / 1024 if total_kib else None

    def _family(self) -> list[Stat]:
        stats = []
        for entry in self._proc.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    stats.append(parse_stat((entry / "stat").read_text(errors="replace")))
        return family(stats, self._root)


# -- the service ----------------------------------------------------------------------------------


class Server:
    """A running `scoringhost serve`."""

    def __init__(self, process: Child, log: IO[bytes]) -> None:
        self._process, self._log = process, log

    @property
    def tree(self) -> ProcessTree | None:
        """Its processes, where there is a /proc to read."""
        return ProcessTree(self._process.pid) if Path("/proc/self/smaps_rollup").exists() else None

    def require_alive(self, otherwise: str = "ended while it was profiled") -> None:
        """Raise ServiceFailed if the process has ended."""
        ending = self._process.ending()
        if ending is not None:
            raise ServiceFailed(f"{otherwise} ({ending.reason})", self._log_tail())

    def wait_ready(self, port: int, within_s: float = START_S) -> None:
        """Wait until GET / answers 200.

        Raises:
            ServiceFailed: if it ends before that, or takes too long.
        """
        self._process.limit(within_s)
        while not _is_healthy(port):
            self.require_alive("did not start")
            if self._process.is_overdue:
                raise ServiceFailed(f"was not ready within {within_s:g} s", self._log_tail())
            time.sleep(POLL_S)
        self._process.limit(None)

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL for all of it if that does not help or we are interrupted again."""
        try:
            self._process.end(STOP_S)
        except KeyboardInterrupt:
            self._process.kill()

    def _log_tail(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 65536))
        lines = self._log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, environ: Mapping[str, str]) -> Iterator[Server]:
    """Run a command that serves on a port of this machine; it is stopped at the end, whatever happens.

    Raises:
        ServiceFailed: if it does not start.
    """
    with tempfile.TemporaryFile() as log:
        server = Server(start_program(command, environ, output=log), log)
        try:
            server.wait_ready(port)
            yield server
        finally:
            server.stop()


def serve_command(script: str, port: int, workers: int | None = None, model_dir: str | None = None) -> list[str]:
    """The command line that serves a script; -P keeps the working directory from shadowing our modules."""
    command = [sys.executable, "-P", "-m", "scoringhost", "serve", script, "--host", LOCALHOST, "--port", str(port)]
    command += ["--workers", str(workers)] if workers else []
    command += ["--model-dir", model_dir] if model_dir else []
    return command


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(LOCALHOST, port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False
