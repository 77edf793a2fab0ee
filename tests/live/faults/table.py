"""What one row of the table of faults says, and how a row is run: in it servers are started, and none may be left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import PROGRAM, Served, free_port

SCRIPTS = Path(__file__).parent.parent / "scripts"
MARK = "FAULT_DRILL"
"""A variable that every process of a row has in its environment, so that none can hide in another process group."""

END_S = 40.0
"""Seconds that a server may take to end; its own limit is 28."""

VANISH_S = 5.0
"""Seconds that what a server has started may outlive it: a process that the kernel is still taking down."""


class CannotRun(Exception):
    """Something that a row needs is not installed here."""


@dataclass
class Row:
    """One fault: what was required, what became of the requests, and what was not as it must be."""

    name: str
    required: str
    environ: dict[str, str]
    folder: Path
    patience: float
    counts: Counter[str] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: int = 0
    not_run: str = ""
    seconds: float = 0.0
    exit_codes: tuple[int, ...] = (0, -signal.SIGKILL)
    servers: list[Served] = field(default_factory=list)

    # -- while it runs ------------------------------------------------------------------------------

    def serve(self, script: str | Path, *flags: str, workers: int = 1, **environ: str) -> Served:
        """Start `scoringhost serve`, and wait until its workers are ready."""
        path = script if isinstance(script, Path) else SCRIPTS / script
        return self.run(PROGRAM, "serve", path, "--workers", str(workers), *flags, **environ).wait_ready(workers)

    def run(self, *command: str | Path, **environ: str) -> Served:
        """Start a program that listens where SCORINGHOST_PORT says; `{port}` in an argument becomes that number."""
        port = free_port()
        words = [str(word).replace("{port}", str(port)) for word in command]
        address = {"SCORINGHOST_PORT": str(port), "SCORINGHOST_HOST": "127.0.0.1"}
        served = Served(port, *words, cwd=self.folder, environ=address | self.environ | environ)
        self.servers.append(served)
        return served

    def add(self, counts: Counter[str]) -> None:
        """Count what became of some requests."""
        self.counts.update(counts)

    def note(self, text: str) -> None:
        """Something worth seeing."""
        self.seen.append(text)

    def require(self, holds: bool, otherwise: str) -> None:
        """What must hold; `otherwise` says what was there instead."""
        if not holds:
            self.wrong.append(otherwise)

    def require_none_lost(self) -> None:
        """Every request that was sent was answered, and there were some."""
        self.require(self.counts["answered"] > 0, "no request was answered")
        self.require(self.counts["lost"] == 0, f"{self.counts['lost']} lost")

    # -- its end ------------------------------------------------------------------------------------

    def end(self) -> None:
        """End the servers that still run, as by SIGTERM, and count the processes that are left then."""
        for served in self.servers:
            if served.process.poll() is None:
                served.signal()
        for served in self.servers:
            try:
                code = served.exit_code(END_S * self.patience)
            except Exception:
                self.wrong.append(f"it has not ended {END_S * self.patience:.0f} s after SIGTERM")
            else:
                self.require(code in self.exit_codes, f"exit code {code}")
        left = self._left(VANISH_S * self.patience)
        self.left = len(left)
        self.require(not left, f"processes are left: {left}")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for served in self.servers:
            served.kill()

    def _left(self, within_s: float) -> list[int]:
        """The processes of this row that are there after so many seconds at the latest."""
        mark = f"{MARK}={self.environ[MARK]}".encode()
        until_s = time.monotonic() + within_s
        while left := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if has_in_environ(pid, mark)]:
            if time.monotonic() > until_s:
                return left
            time.sleep(0.05)
        return []

    # -- what it says -------------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        """One word."""
        if self.not_run:
            return "NOT RUN"
        return "FAILED" if self.wrong else "ok"

    def as_json(self) -> dict[str, object]:
        """All of it, for programs."""
        counts = {name: count for name, count in self.counts.items() if count}
        return {
            "fault": self.name, "required": self.required, "verdict": self.verdict, "wrong": self.wrong,
            "counts": {"sent": 0, "answered": 0, "lost": 0} | counts, "left": self.left, "seen": self.seen,
            "not_run": self.not_run, "seconds": round(self.seconds, 1),
        }  # fmt: skip


def has_in_environ(pid: int, mark: bytes) -> bool:
    """Whether a process runs with that in its environment; of one that has ended nothing can be read."""
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


@dataclass
class Drill:
    """How long things take, and where rows go.

    seconds: of load in each row. patience: factor for every time limit, for a machine that is busy with
    other things. soak_s: seconds of the soak. requests: how many the row of many small ones sends.
    hub_kills: how often a hub is killed. changes: how often a service of a fleet is reloaded, and unloaded and loaded.
    stream_mib: MiB that are streamed through a front.
    """

    seconds: float
    patience: float
    soak_s: float
    emit: Callable[[Row], None]
    requests: int = 0
    hub_kills: int = 20
    changes: int = 5
    stream_mib: int = 100

    @contextlib.contextmanager
    def row(self, name: str, required: str) -> Iterator[Row]:
        """Run one row; whatever goes wrong in it is said there, and the next one is run."""
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fault-") as folder:
            row = Row(name, required, {MARK: uuid.uuid4().hex}, Path(folder), self.patience)
            try:
                yield row
            except CannotRun as why:
                row.not_run = str(why)
            except Exception as problem:
                row.wrong.append(f"{type(problem).__name__}: {str(problem)[:2000]}")
                traceback.print_exc(file=sys.stderr)
            row.end()
        row.seconds = time.monotonic() - began_s
        self.emit(row)


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def open_files(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def pause(seconds: float) -> None:
    """Let time pass while the load goes on."""
    threading.Event().wait(seconds)


# -- printing ---------------------------------------------------------------------------------------

_COLUMNS = ("sent", "answered", "lost", "refused")
HEAD = f"{'fault':<34}" + "".join(f"{name:>9}" for name in (*_COLUMNS, "left", "s")) + "  verdict"


def printed(row: Row) -> str:
    """A row as text: the counts, and below them what was required, what was seen and what was wrong."""
    counts = "".join(f"{row.counts[name]:>9}" for name in _COLUMNS)
    lines = [f"{row.name:<34}{counts}{row.left:>9}{row.seconds:>9.1f}  {row.verdict}"]
    lines.append(f"    required: {row.required}")
    if row.seen:
        lines.append(f"    seen: {'; '.join(row.seen)}")
    lines += [f"    WRONG: {what}" for what in row.wrong]
    if row.not_run:
        lines.append(f"    not run: {row.not_run}")
    return "\n".join(lines)
