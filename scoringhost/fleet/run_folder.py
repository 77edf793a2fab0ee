"""The run folder of a fleet: its sockets, its logs, and the lock that keeps a second one from the same folder.

It is for one user only (0700): whoever can enter it can send requests past the front, and stop services.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from scoringhost.errors import SettingsError

LONGEST_SOCKET = 107
"""Bytes that the path of a Unix socket may have on Linux; 103 on macOS."""
_LONGEST_INSIDE = len("/s/1000000/w-4194304.sock.new")
_LOCK, _OWNER, CONTROL = "lock", "folder", "control.sock"


def default_place(folder: Path, environ: Mapping[str, str], uid: int) -> Path:
    """Where the run folder of a fleet is, if nobody says otherwise: one for each folder of services and user."""
    identity = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:10]
    return base_of(environ, uid) / identity


def base_of(environ: Mapping[str, str], uid: int) -> Path:
    """The folder in which the run folders of a user are."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime) and os.access(runtime, os.W_OK | os.X_OK):
        return Path(runtime) / "scoringhost"
    return Path(f"/tmp/scoringhost-{uid}")


class RunFolder:
    """The run folder of this fleet, from `take` to `leave`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def control(self) -> Path:
        """The socket of the command line, and of whoever else asks for something."""
        return self.path / CONTROL

    @property
    def notify(self) -> Path:
        """The socket on which sets say what they are at."""
        return self.path / "notify.sock"

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self.path / "log"

    @property
    def sets(self) -> Path:
        """The folder that has one for each running set."""
        return self.path / "s"

    def of_set(self, key: str) -> Path:
        """The folder of a set's sockets, made if it is not there."""
        folder = self.sets / key
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def forget_set(self, key: str) -> None:
        """Remove what a set that has ended leaves."""
        shutil.rmtree(self.sets / key, ignore_errors=True)

    def take(self, owner: Path) -> None:
        """Make the folder, lock it, and remove what a fleet before has left. owner: the fleet's folder of services.

        Raises:
            SettingsError: if it belongs to somebody else, others can enter it, its path is too long for sockets, or
                another fleet uses it.
        """
        if len(os.fsencode(self.path)) + _LONGEST_INSIDE > LONGEST_SOCKET:
            room = LONGEST_SOCKET - _LONGEST_INSIDE
            raise SettingsError(
                "run_dir", str(self.path), f"its path is too long for Unix sockets: {room} bytes at most"
            )
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_own(self.path.parent, is_parent=True)
            with _alone_in(self.path.parent):
                self.path.mkdir(mode=0o700, exist_ok=True)
                _require_own(self.path)
                self._take_lock()
                self.clear()
                self.sets.mkdir(mode=0o700)
                self.logs.mkdir(mode=0o700, exist_ok=True)
                (self.path / _OWNER).write_text(f"{owner}\n", encoding="utf-8", errors="surrogateescape")
        except OSError as problem:
            raise SettingsError("run_dir", str(self.path), f"it cannot be used: {problem.strerror}") from None

    def _take_lock(self) -> None:
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Of the open file and not of the process, and so inherited by nobody that is started with close_fds.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            os.close(self._lock)
            self._lock = None
            who = f"process {owner}" if owner else "another process"
            why = f"a fleet runs there already ({who}); stop it, or name another with --run-dir"
            raise SettingsError("run_dir", str(self.path), why) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def clear(self) -> None:
        """Remove the sockets of a fleet that was killed; its logs stay."""
        shutil.rmtree(self.sets, ignore_errors=True)
        for path in (self.control, self.notify):
            path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Remove the sockets, and unlock; the logs stay."""
        if self._lock is None:
            return
        self.clear()
        # Truncated and not removed: whoever waits to lock this file would lock one that nobody else finds any more.
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None


def _require_own(path: Path, *, is_parent: bool = False) -> None:
    """Make sure that a folder is this user's, and that nobody else can put something into it.

    Raises:
        SettingsError: if not.
    """
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise SettingsError("run_dir", str(path), "it is no folder")
    if is_parent:
        # A folder that everybody may write to is safe if nobody may rename what is another's there, as in /tmp.
        is_open = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if is_open or found.st_uid not in (0, os.getuid()):
            raise SettingsError("run_dir", str(path), "others can change what is in it")
        return
    if found.st_uid != os.getuid():
        raise SettingsError("run_dir", str(path), "it belongs to another user")
    if found.st_mode & 0o077:
        raise SettingsError("run_dir", str(path), "others can enter it; run chmod 700 on it")


@contextlib.contextmanager
def _alone_in(base: Path) -> Iterator[None]:
    """While nobody else takes a run folder in there, or clears what others have left: none is removed as it is taken.

    Not where others may open the folder and hold its lock for as long as they like, as in /tmp; nobody clears that.
    """
    found = base.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        yield
        return
    opened = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def clear_abandoned(base: Path) -> None:
    """Remove what fleets and hubs have left in there that do not run any more.

    Their lock says whether they do, and not the number of their process, which may be another one's by now. Logs stay
    as long as the folder of services is there that they are of.
    """
    if not base.is_dir():
        return
    with contextlib.suppress(OSError), _alone_in(base):
        for path in sorted(base.iterdir()):
            with contextlib.suppress(OSError):
                _clear_if_abandoned(path)


def _clear_if_abandoned(path: Path) -> None:
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or not (path / _OWNER).is_file():
        return
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # or it runs
        run = RunFolder(path)
        if os.path.isdir(folder_of_fleet(path)) and run.logs.is_dir() and any(run.logs.iterdir()):
            run.clear()
        else:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


def running_fleets(environ: Mapping[str, str], uid: int) -> list[tuple[Path, str]]:
    """The run folders of this user's fleets that run, each with the folder of its services."""
    try:
        found = sorted(base_of(environ, uid).iterdir())
    except OSError:
        return []
    return [(path, folder_of_fleet(path)) for path in found if is_running(path)]


def folder_of_fleet(run: Path) -> str:
    """The folder of services of the fleet that uses a run folder; empty if nobody knows."""
    try:
        return (run / _OWNER).read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return ""


def is_running(run: Path) -> bool:
    """Whether a fleet listens on the control socket of a run folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(run / CONTROL))
        except OSError:
            return False
    return True
