"""The folder that a package is written to: nobody else's files are touched in it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARK = ".scoringhost-package.json"
"""Lists what was written, so that the next time it can be written anew."""


class PackagingError(Exception):
    """The package cannot be written; says what to do."""


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """What the file system refuses is a PackagingError that names the path and the reason."""
    try:
        yield
    except OSError as problem:
        where = problem.filename2 or problem.filename
        reason = problem.strerror or str(problem)
        raise PackagingError(f"{where} cannot be used: {reason}" if where else reason) from None


@dataclass(frozen=True, slots=True)
class Package:
    """What was written: the names of the files, what the user should know, and the image that it is for, if it is."""

    files: list[str]
    warnings: list[str] = field(default_factory=list)
    image: str | None = None


class Output:
    """A folder that is written file by file; paths are relative to it, with slashes."""

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        """Take the folder: empty, written by an earlier run (which is undone), or with `force` any other.

        Raises:
            PackagingError: if it holds somebody else's files.
        """
        self.folder = folder
        self._written: list[str] = []
        if folder.is_symlink() and not folder.exists():
            raise PackagingError(f"{folder}: It is a link to nothing")
        if folder.exists() and not folder.is_dir():
            raise PackagingError(f"{folder} is no folder")
        if (folder / MARK).is_file():
            self._undo()
        elif folder.is_dir() and any(folder.iterdir()) and not force:
            raise PackagingError(f"{folder} is not empty; name another folder, or write into it with --force")
        folder.mkdir(parents=True, exist_ok=True)

    def _undo(self) -> None:
        try:
            names = [str(name) for name in json.loads((self.folder / MARK).read_text(encoding="utf-8"))]
        except (ValueError, TypeError):
            names = []
        inside = self.folder.resolve()
        for name in names:
            path = (self.folder / name).resolve()
            if path.is_file() and inside in path.parents:
                path.unlink()

    def write(self, name: str, text: str) -> None:
        """Write a text file."""
        self._place(name).write_text(text, encoding="utf-8")

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file that is no text."""
        self._place(name).write_bytes(content)

    def copy(self, source: Path, name: str) -> None:
        """Copy a file."""
        shutil.copyfile(source, self._place(name))

    def _place(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.append(name)
        return path

    def make_readable(self) -> None:
        """Let everybody read what was written, whoever the program that is given it runs as."""
        for name in self._written:
            path = self.folder / name
            path.chmod(path.stat().st_mode | 0o444)
            while path.parent != self.folder:
                path = path.parent
                path.chmod(path.stat().st_mode | 0o555)

    def finish(self) -> list[str]:
        """Note what was written; answers the names, sorted."""
        names = sorted(set(self._written))
        (self.folder / MARK).write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
        return names
