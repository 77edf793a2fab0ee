"""Which process is the hub of a folder: a lock that only one can hold, and a file that says how it is reached."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scoringhost.hub.errors import HubRunning

LOCK, RECORD, TOKEN_FILE = "hub.lock", "hub.json", "control.token"


@dataclass(frozen=True, slots=True)
class HubRecord:
    """A hub that runs, or has. started: by which a process is told from a later one of the same number.

    control: the URL of its control API; url: of its services.
    """

    pid: int
    started: str
    control: str
    url: str
    run_dir: str
    version: str

    @property
    def is_alive(self) -> bool:
        """Whether that very process is there."""
        return self.started == started_at(self.pid) != ""


def started_at(pid: int) -> str:
    """When a process began, in whatever unit its system has; empty if there is none of that number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if os.path.isdir("/proc/self"):
            return ""
        found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return found.stdout.strip()
    fields = text.rpartition(")")[2].split()  # the name before may hold blanks; see proc(5)
    return "" if fields[0] == "Z" else fields[19]


def read_record(home: Path) -> HubRecord | None:
    """The hub that runs in a folder, as it has said; None if none does."""
    try:
        record = HubRecord(**json.loads((home / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if record.is_alive else None


class HubPlace:
    """The claim of this process to be the hub of a folder, from `take` to `leave`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock: int | None = None

    def take(self) -> None:
        """Claim it.

        Raises:
            HubRunning: if another process has; says which.
        """
        lock = os.open(self._home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            record = read_record(self._home)
            who = os.pread(lock, 32, 0).decode(errors="replace").strip()
            os.close(lock)
            where = f" at {record.control}" if record is not None else ""
            raise HubRunning(str(self._home), f"process {who or 'unknown'}{where}") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def say(self, record: HubRecord) -> None:
        """Write down how it is reached, for clients on this machine."""
        made = self._home / f".{RECORD}.new"
        made.write_text(f"{json.dumps(dataclasses.asdict(record), indent=1)}\n", encoding="utf-8")
        made.chmod(0o600)
        os.rename(made, self._home / RECORD)

    def unsay(self) -> None:
        """Say that nobody is reached there any more."""
        if self._lock is not None:
            (self._home / RECORD).unlink(missing_ok=True)

    def leave(self) -> None:
        """Give it up."""
        if self._lock is not None:
            self.unsay()
            os.close(self._lock)
            self._lock = None


def token_of(home: Path) -> str:
    """The token of a hub's own user, made if there is none; whoever can read the file is an owner."""
    path = home / TOKEN_FILE
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        made = home / f".{TOKEN_FILE}.{os.getpid()}"
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
        os.rename(made, path)
        return path.read_text(encoding="ascii").strip()
