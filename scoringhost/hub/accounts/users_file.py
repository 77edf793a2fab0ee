"""The users file: a name, a role and a hash of scrypt on each line, for its owner's eyes only."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scoringhost.errors import SettingsError
from scoringhost.hub.access import Role
from scoringhost.hub.accounts.passwords import is_hash
from scoringhost.hub.errors import NameRefused

LOOK_AGAIN_S = 1.0
"""Seconds between two looks at the file: how late a new user is known, and one who is gone is out."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")

log = logging.getLogger("scoringhost")


class User(NamedTuple):
    """A line of the file. kept: the hash of the password."""

    role: Role
    kept: str


class Users:
    """The users of a file, which is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            SettingsError: if it cannot be read, others could read it, or a line is none.
        """
        self._path = path
        self._looked_s = time.monotonic()
        try:
            self._state = _state_of(path)
            self._users = read_users(path)
        except (OSError, ValueError) as problem:
            raise SettingsError("hub_users", str(path), str(problem)) from None

    def find(self, name: str) -> User | None:
        """The user of that name; None if there is none.

        Looks at the file's status once a second, which is no more than the key files of the host do.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s = now_s
            self._look_again()
        return self._users.get(name)

    def _look_again(self) -> None:
        try:
            state = _state_of(self._path)
            if state == self._state:
                return
            self._users = read_users(self._path)
        except (OSError, ValueError) as problem:
            log.warning("The users in %s cannot be read; those read before still hold: %s", self._path, problem)
            return
        self._state = state
        log.info("The users in %s have changed: %d", self._path, len(self._users))


def read_users(path: Path) -> dict[str, User]:
    """The users of a file by their names.

    Raises:
        OSError: if it cannot be read.
        ValueError: if others can read it, too, or a line is none; the message never has a hash in it.
    """
    with path.open(encoding="utf-8") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise ValueError(f"its mode is {mode:03o}, so that others reach the hashes of passwords: chmod 600")
        lines = file.read().splitlines()
    users: dict[str, User] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3 or not _NAME.fullmatch(words[0]) or words[1] not in list(Role) or not is_hash(words[2]):
            raise ValueError(f"line {number} is not NAME ROLE HASH, as scoringhost hub add-user writes it")
        if words[0] in users:
            raise ValueError(f"line {number}: there is a user {words[0]!r} already")
        users[words[0]] = User(Role(words[1]), words[2])
    return users


def require_name(name: str) -> None:
    """Nothing, if somebody can be called that.

    Raises:
        NameRefused: if not.
    """
    if not _NAME.fullmatch(name):
        raise NameRefused("user", name, "letters, digits and any of . _ @ + - are expected, up to 100 of them")


@contextmanager
def changing(path: Path) -> Iterator[dict[str, User]]:
    """The users of a file, to be changed; written when the block ends without an error. One changes it at a time.

    The file is made if it is not there. Whoever reads meanwhile sees all of the old one or all of the new one.

    Raises:
        OSError: if it cannot be read or written.
        ValueError: if it cannot be read as users.
    """
    # Beside the file, and left there: the file itself is replaced, and a lock on what is replaced holds nobody.
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        users = read_users(path) if path.exists() else {}
        yield users
        _write(path, users)
    finally:
        os.close(lock)


def _write(path: Path, users: Mapping[str, User]) -> None:
    new = f"{path}.new"
    content = "".join(f"{name} {user.role} {user.kept}\n" for name, user in users.items())
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)  # the file may be one that a crash has left, of another mode
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def _state_of(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns, status.st_size
