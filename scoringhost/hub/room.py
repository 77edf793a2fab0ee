"""A disk without room, as an error of its own: it is mended by whoever has the disk, and not by another request."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator

from scoringhost.hub.errors import DiskFull, HomeUnusable, HubError

_ERRORS = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def room_at(path: str | os.PathLike[str]) -> Iterator[None]:
    """While something is written there.

    Raises:
        DiskFull: in the place of what the system says if there is no room left.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno in _ERRORS:
            raise DiskFull(os.fspath(path)) from None
        raise


def of_system(path: str | os.PathLike[str], problem: OSError) -> HubError:
    """What has kept a hub's folder from being read or written."""
    if problem.errno in _ERRORS:
        return DiskFull(os.fspath(path))
    return HomeUnusable(os.fspath(path), str(problem))


def of_database(path: str | os.PathLike[str], problem: sqlite3.Error) -> HubError:
    """What has kept the database of a hub's folder from being read or written."""
    # An I/O error of the file that the processes share (-shm) is a full disk, too: it cannot be made longer.
    full = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
    if getattr(problem, "sqlite_errorcode", None) in full:
        return DiskFull(os.fspath(path))
    if getattr(problem, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        why = f"its database is damaged ({problem}): restore a backup with scoringhost hub restore"
        return HomeUnusable(os.fspath(path), why)
    return HomeUnusable(os.fspath(path), str(problem))
