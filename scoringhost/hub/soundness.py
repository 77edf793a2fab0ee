"""Whether a hub's folder is whole, and copies of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from scoringhost.hub.content import Files, StoredFile
from scoringhost.hub.errors import HomeUnusable, PlaceTaken
from scoringhost.hub.home import DATABASE, Home
from scoringhost.hub.room import of_database, room_at
from scoringhost.hub.schema import NAMED_FILES

_ALL_FILES = (
    "SELECT name || ':' || version AS whose, path, digest, size FROM files UNION ALL "
    "SELECT 'deployment ' || id || ' of ' || service || ':' || version, path, digest, deployment_files.size "
    "FROM deployment_files JOIN deployments ON deployments.id = deployment ORDER BY 1, 2"
)


@dataclass(frozen=True, slots=True)
class Soundness:
    """What was looked at, and what is wrong. `unnamed`: files that nothing needs, as after a process was killed."""

    models: int
    deployments: int
    files: int
    bytes: int
    unnamed: int
    problems: tuple[str, ...]


def check(home: Home) -> Soundness:
    """Look at the whole database, and read every file."""
    files = Files(home)
    with home.reading() as database:
        problems = [row[0] for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
        problems += [
            f"a row of {row[0]} names one that is not there" for row in database.execute("PRAGMA foreign_key_check")
        ]
        models = database.execute("SELECT count(*) FROM models").fetchone()[0]
        deployments = database.execute("SELECT count(*) FROM deployments").fetchone()[0]
        rows = database.execute(_ALL_FILES).fetchall()
    seen: dict[str, str | None] = {}
    for row in rows:
        file = StoredFile(row["path"], row["digest"], row["size"])
        if file.digest not in seen:
            seen[file.digest] = files.problem(file)
        if seen[file.digest] is not None:
            problems.append(f"{row['whose']}: {seen[file.digest]}")
    unnamed = sum(digest not in seen for digest in files.all())
    size = sum({row["digest"]: row["size"] for row in rows}.values())
    return Soundness(models, deployments, len(seen), size, unnamed, tuple(problems))


def back_up(home: Home, target: str | os.PathLike[str]) -> Path:
    """Copy a hub into a new folder, while it is used; whole, or not at all.

    Raises:
        PlaceTaken: if the folder is there.
        DiskFull: if there is no room for it.
    """
    path = Path(target).absolute()
    if os.path.lexists(path):
        raise PlaceTaken(str(path))
    with room_at(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as beside:
            made = Path(beside) / "hub"
            made.mkdir(mode=0o700)
            with home.adding():  # nobody removes a file that the copied database names
                _copy_database(home, path, made)
                _copy_files(home, made)
            os.rename(made, path)
    return path


def _copy_database(home: Home, target: Path, made: Path) -> None:
    try:
        with closing(sqlite3.connect(made / DATABASE)) as copy:
            home.database.backup(copy)
    except sqlite3.OperationalError as problem:
        raise of_database(target, problem) from None


def restore(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Soundness:
    """Make a hub's folder out of a copy of one, and look whether it is whole.

    Raises:
        PlaceTaken: if the folder is there, and holds something.
        HomeUnusable: if the copy is none.
    """
    origin, path = Path(source).absolute(), Path(target).absolute()
    if not (origin / DATABASE).is_file():
        raise HomeUnusable(str(origin), f"there is no {DATABASE}")
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()
    with Home(origin) as copy:
        back_up(copy, path)
    with Home(path) as home:
        return check(home)


def _copy_files(home: Home, made: Path) -> None:
    """Copy the files that the copied database names, which may be fewer than there are."""
    with closing(sqlite3.connect(made / DATABASE)) as copy:
        digests = [row[0] for row in copy.execute(NAMED_FILES)]
    for digest in digests:
        place = Files(home).place(digest)
        target = made / "files" / digest[:2] / digest
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place.exists():  # what is damaged is said by `check`, of the copy, too
            shutil.copy2(place, target)
