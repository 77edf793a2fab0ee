"""The folder of a hub: the database, the files, and the lock between those who add files and those who remove them.

hub.db                   SQLite, in WAL mode
deployments/ID/          what a deployment runs from, made of those files (see `desired`)
files/ab/abcdef...       each file once, by the SHA-256 of its content
arriving/                what is being written; whatever is there and belongs to no running process is waste
removal.lock             shared by whoever adds, held alone by whoever removes
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from scoringhost._version import __version__
from scoringhost.hub.errors import HomeUnusable
from scoringhost.hub.room import of_database, of_system
from scoringhost.hub.schema import STEPS

DATABASE = "hub.db"
BUSY_S = 30.0
"""Seconds that a writer waits for the others; each holds the database for some milliseconds."""


class Home:
    """One hub's folder, made at the first use. A connection belongs to one thread; each process opens its own."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it.

        Raises:
            HomeUnusable: if it cannot be made or written to, or was made by a later version.
        """
        self.path = Path(path).absolute()
        self.files, self.arriving = self.path / "files", self.path / "arriving"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.files.mkdir(mode=0o700, exist_ok=True)
            self.arriving.mkdir(mode=0o700, exist_ok=True)
            self.database = sqlite3.connect(self.path / DATABASE, timeout=BUSY_S, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise
        except OSError as problem:
            raise of_system(self.path, problem) from None
        except sqlite3.Error as problem:
            raise of_database(self.path, problem) from None

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Home:
        return self

    def __exit__(self, kind: object, problem: BaseException | None, _: object) -> None:
        """Close it.

        Raises:
            DiskFull, HomeUnusable: in the place of what the database says.
        """
        self.close()
        if isinstance(problem, sqlite3.Error):
            raise of_database(self.path, problem) from None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is alone from its beginning: what it reads stays true until it commits."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield self.database
            self.database.commit()
        except BaseException:  # also of the commit, as where the disk is full
            self.database.rollback()
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one moment, while others write."""
        self.database.execute("BEGIN")
        try:
            yield self.database
        finally:
            self.database.rollback()

    @contextlib.contextmanager
    def adding(self) -> Iterator[None]:
        """From the writing of files to the commit of what names them: nobody takes them for waste meanwhile."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def removing(self, *, waits: bool = True) -> Iterator[bool]:
        """While files that nothing names are looked for and removed: nobody adds any meanwhile.

        waits: until nobody adds any; else it gives False if somebody does.
        """
        try:
            with self._locked(fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        lock = os.open(self.path / "removal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, kind)
            yield
        finally:
            os.close(lock)

    def _prepare(self) -> None:
        os.chmod(self.path / DATABASE, 0o600)
        self.database.row_factory = sqlite3.Row
        # FULL: a commit that was answered is there after a power cut, too (https://www.sqlite.org/pragma.html).
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self.database.execute(f"PRAGMA {pragma}")
        self._make_tables()

    def _make_tables(self) -> None:
        found = self._schema_version()
        if found > len(STEPS):
            why = (
                f"it was made by a later version of scoringhost (its tables are of version {found}, and scoringhost "
                f"{__version__} knows {len(STEPS)}): update scoringhost, or name another folder"
            )
            raise HomeUnusable(str(self.path), why)
        if found < len(STEPS):
            with self.writing():
                for step in STEPS[self._schema_version() :]:  # maybe none: somebody else has been quicker
                    for statement in filter(str.strip, step.split(";")):
                        self.database.execute(statement)
                self.database.execute(f"PRAGMA user_version = {len(STEPS)}")

    def _schema_version(self) -> int:
        return int(self.database.execute("PRAGMA user_version").fetchone()[0])
