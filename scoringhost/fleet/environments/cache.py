"""Environments that were made are kept, each in a folder that is called by the digest of all that went into it.

An environment is made where it stays, as scripts in it name the place. What tells a whole one from one that somebody
was killed over is its mark, which is written last; and of all that want the same one, one makes it while the others
wait for its lock, which the system takes back from whoever ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.installing import Tell
from scoringhost.fleet.environments.pythons import Probed

MARK = "environment.json"
LOCKS = "locks"

Make = Callable[[Path], Probed]
"""Makes an environment in an empty folder; returns its interpreter."""
Look = Callable[[Path], Probed | None]
"""Looks at the interpreter of an environment that was made before; returns None if it cannot be used any more."""


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where environments are kept: SCORINGHOST_CACHE, or else scoringhost/environments in the user's cache.

    Raises:
        EnvironmentFailed: if there is no saying where that is.
    """
    named = environ.get("SCORINGHOST_CACHE")
    if named:
        return Path(named).absolute()
    home = environ.get("HOME")
    base = environ.get("XDG_CACHE_HOME") or (os.path.join(home, ".cache") if home else None)
    if base is None:
        raise EnvironmentFailed("there is no HOME to keep environments in: say where with SCORINGHOST_CACHE")
    return Path(base, "scoringhost", "environments")


@dataclass(frozen=True, slots=True)
class Cached:
    """One environment that is kept. `source`: what it was made for; `used`: when that was asked for last."""

    folder: Path
    source: str
    took_s: float
    used: datetime
    in_use: bool


def made_once(cache: Path, digest: str, source: str, make: Make, look: Look, tell: Tell) -> Probed:
    """The interpreter of the environment with that digest, which is made if there is none that can be used.

    Raises:
        EnvironmentFailed: if it cannot be made; nothing is left of it then.
    """
    folder = cache / digest
    with _making(cache, digest, tell):
        python = _python_of(folder)
        before = None if python is None else look(python)
        if before is not None:
            os.utime(folder / MARK)
            return before
        shutil.rmtree(folder, ignore_errors=True)  # of somebody who was killed, or of a Python that has gone
        began_s = time.monotonic()
        tell(f"is made, in {folder}")
        folder.mkdir(mode=0o700)
        try:
            made = make(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        took_s = round(time.monotonic() - began_s, 1)
        mark = {"source": source, "python": str(made.python.relative_to(folder)), "took_s": took_s}
        beside = folder / f"{MARK}.new"
        beside.write_text(json.dumps(mark), encoding="utf-8")
        beside.rename(folder / MARK)
        tell(f"was made in {took_s} s")
        return made


def cached(cache: Path) -> list[Cached]:
    """All whole environments that are kept, the one that was used last at the end."""
    found = []
    for mark in cache.glob(f"*/{MARK}"):
        with suppress(OSError, ValueError):  # it is being removed
            content = json.loads(mark.read_text(encoding="utf-8"))
            used = datetime.fromtimestamp(mark.stat().st_mtime, UTC)
            with mark.open("rb") as stream:
                in_use = not _lock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(Cached(mark.parent, content["source"], content["took_s"], used, in_use))
    return sorted(found, key=lambda one: one.used)


def remove_unused(cache: Path, since: datetime) -> list[Cached]:
    """Remove environments that nobody has asked for since then and nobody uses; returns those that are gone."""
    removed = []
    for one in cached(cache):
        if one.in_use or one.used >= since:
            continue
        with _making(cache, one.folder.name, lambda line: None):
            mark = one.folder / MARK
            if mark.is_file() and datetime.fromtimestamp(mark.stat().st_mtime, UTC) == one.used:
                mark.unlink()  # first, so that what is left of it, should this process end here, counts for nothing
                shutil.rmtree(one.folder, ignore_errors=True)
                removed.append(one)
    return removed


def hold(folder: Path) -> IO[bytes]:
    """Keep an environment from being removed while the file that is returned is open."""
    mark = (folder / MARK).open("rb")
    fcntl.flock(mark, fcntl.LOCK_SH)
    return mark


@contextmanager
def _making(cache: Path, digest: str, tell: Tell) -> Iterator[None]:
    """Be the only one of all processes that makes or removes this environment."""
    try:
        (cache / LOCKS).mkdir(parents=True, exist_ok=True, mode=0o700)
        stream = (cache / LOCKS / digest).open("wb")
    except OSError as problem:
        raise EnvironmentFailed(
            f"environments cannot be kept in {cache}: {problem.strerror}; say where they can with SCORINGHOST_CACHE"
        ) from None
    with stream:
        if not _lock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB):
            tell("is being made by another process, which is waited for")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _lock(stream: IO[bytes], how: int) -> bool:
    """Returns whether a lock could be had at once."""
    try:
        fcntl.flock(stream, how)
    except BlockingIOError:
        return False
    return True


def _python_of(folder: Path) -> Path | None:
    """The interpreter of a whole environment; None if there is none, or it is not whole."""
    try:
        content = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return folder / str(content["python"])
    except (OSError, ValueError, KeyError):
        return None
