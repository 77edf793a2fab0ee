"""Files by their content: what is stored twice is there once, and what changes on the disk is noticed."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scoringhost.hub.errors import ContentDamaged, PlaceTaken, ValueRefused
from scoringhost.hub.home import Home
from scoringhost.hub.room import room_at
from scoringhost.hub.schema import NAMED_FILES

PIECE = 1024 * 1024
"""Bytes that are read at once."""

LEFT_OUT = frozenset({
    "__pycache__", ".git", ".hg", ".svn", ".venv", "venv", "node_modules", ".pytest_cache", ".mypy_cache",
    ".ruff_cache", ".ipynb_checkpoints",
})  # fmt: skip
"""What is never deployed with a folder."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of something stored. `path`: relative, with slashes; `digest`: SHA-256, in hexadecimal."""

    path: str
    digest: str
    size: int
    is_program: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A file, or a folder with all in it; `root` is its base name."""

    root: str
    is_folder: bool
    files: tuple[StoredFile, ...]

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and digests of all files, in the order of the paths."""
        whole = hashlib.sha256()
        for file in sorted(self.files, key=lambda one: one.path):
            whole.update(f"{file.path}\0{file.digest}\0{int(file.is_program)}\n".encode())
        return whole.hexdigest()


class Files:
    """The files of a hub's folder."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def store(
        self, source: Path, parts: Sequence[str] = (), *, leaving_out: Callable[[str], bool] | None = None
    ) -> Content:
        """Take in a file, or a folder; `parts`: only these paths below it. To be called within `home.adding()`.

        leaving_out: asked for the name of each file and folder in it.

        Links are followed, but not out of the folder. Folders that hold nothing are left out.

        Raises:
            ValueRefused: if there is no such file, it is neither file nor folder, or a link leads out.
            DiskFull: if there is no room for it; what is there of it already goes with `remove_unnamed`.
        """
        if not source.exists():
            raise ValueRefused("path", "a file or folder that is there", str(source))
        with room_at(self._home.path):
            if source.is_file():
                return Content(source.name, False, (self._take(source, source.name),))
            found = [self._take(path, name) for name, path in sorted(_below(source, parts, leaving_out))]
        if not found:
            raise ValueRefused("path", "a folder with files in it", str(source))
        return Content(source.resolve().name, True, tuple(found))

    def _take(self, path: Path, name: str) -> StoredFile:
        """Copy a file in, if its content is not there yet. It is whole under its name, or not there at all."""
        if not os.access(path, os.R_OK):
            raise ValueRefused("path", "files that can be read", str(path))
        whole, size = hashlib.sha256(), 0
        arriving, kept = tempfile.mkstemp(dir=self._home.arriving)
        try:
            with path.open("rb") as source, os.fdopen(arriving, "wb") as target:
                while piece := source.read(PIECE):
                    whole.update(piece)
                    target.write(piece)
                    size += len(piece)
                target.flush()
                os.fchmod(target.fileno(), 0o400)
                os.fsync(target.fileno())
            digest = whole.hexdigest()
            place = self.place(digest)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            os.replace(kept, place)  # also where it is already: that one may have been damaged
            _sync_folder(place.parent)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(kept)
        is_program = bool(path.stat().st_mode & stat.S_IXUSR)
        return StoredFile(name, digest, size, is_program)

    def place(self, digest: str) -> Path:
        """Where a file of that content is."""
        return self._home.files / digest[:2] / digest

    def problem(self, file: StoredFile) -> str | None:
        """What is wrong with a stored file; None if it is what it was."""
        place = self.place(file.digest)
        try:
            with place.open("rb") as stored:
                found = hashlib.file_digest(stored, "sha256").hexdigest()
        except OSError as problem:
            return f"{file.path}: {problem.strerror}"
        return None if found == file.digest else f"{file.path}: its content has changed"

    def put(self, content: Content, folder: Path, *, replace: bool = False) -> Path:
        """Write what is stored into a folder, under its root; whole, or not at all. Returns its path.

        Every file is read and checked on its way.

        Raises:
            PlaceTaken: if something is there, and it may not be replaced.
            ContentDamaged: if a file is missing, or not what it was.
            DiskFull: if there is no room for it.
        """
        with room_at(folder):
            return self._put(content, folder, replace)

    def _put(self, content: Content, folder: Path, replace: bool) -> Path:
        target = folder / content.root
        if not replace and os.path.lexists(target):
            raise PlaceTaken(str(target))
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".arriving-") as beside:
            made = Path(beside) / content.root
            problems = [self._copy(file, made / file.path if content.is_folder else made) for file in content.files]
            found = [problem for problem in problems if problem]
            if found:
                raise ContentDamaged(content.root, found)
            if os.path.lexists(target):
                os.rename(target, Path(beside) / "before")
            os.rename(made, target)
        return target

    def _copy(self, file: StoredFile, target: Path) -> str | None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with room_at(target):
                shutil.copyfile(self.place(file.digest), target)
        except OSError as problem:
            return f"{file.path}: {problem.strerror}"
        os.chmod(target, 0o755 if file.is_program else 0o644)
        with target.open("rb") as copied:
            is_same = hashlib.file_digest(copied, "sha256").hexdigest() == file.digest
        return None if is_same else f"{file.path}: its content has changed"

    def all(self) -> Iterator[str]:
        """The digests of all files that are there."""
        for folder in sorted(self._home.files.iterdir()):
            for file in sorted(folder.iterdir()):
                yield file.name

    def remove_unnamed(self, *, waits: bool = True) -> int:
        """Remove the files that nothing in the database names, and what was left in the middle; returns how many.

        waits: until nobody adds files; else nothing is removed if somebody does.
        """
        home, removed = self._home, 0
        with home.removing(waits=waits) as is_alone:
            if not is_alone:
                return 0
            with home.reading() as database:
                named = {row["digest"] for row in database.execute(NAMED_FILES)}
            for digest in list(self.all()):
                if digest not in named:
                    self.place(digest).unlink()
                    removed += 1
            for left in home.arriving.iterdir():
                left.unlink()
        return removed


def _below(folder: Path, parts: Sequence[str], leaving_out: Callable[[str], bool] | None) -> Iterator[tuple[str, Path]]:
    """The files below a folder, by their relative paths; `parts`: only those at or below these."""
    base = folder.resolve()
    wanted = [_part(folder, part) for part in parts]
    for here, folders, names in os.walk(base, followlinks=True, onerror=_refuse):
        if leaving_out is not None:
            folders[:] = [name for name in folders if not leaving_out(name)]
            names = [name for name in names if not leaving_out(name)]
        folders.sort()
        _require_inside(Path(here), base)
        if Path(here).resolve() in Path(here).parents:
            raise ValueRefused("path", "a folder without a link to a folder that holds it", here)
        for name in names:
            path = Path(here) / name
            relative = PurePosixPath(path.relative_to(base).as_posix())
            if wanted and not any(relative == part or part in relative.parents for part in wanted):
                continue
            _require_inside(path, base)
            if not path.is_file():
                raise ValueRefused("path", "a folder of files and folders", str(path))
            yield str(relative), path


def _part(folder: Path, part: str) -> PurePosixPath:
    wanted = PurePosixPath(part)
    if wanted.is_absolute() or ".." in wanted.parts or not (folder / part).exists():
        raise ValueRefused("child_paths", f"paths below {folder} that are there", part)
    return wanted


def _require_inside(path: Path, base: Path) -> None:
    found = path.resolve()
    if found != base and base not in found.parents:
        raise ValueRefused("path", f"a folder whose links do not lead out of it, as to {found}", str(path))


def _refuse(problem: OSError) -> None:
    raise ValueRefused("path", f"a folder that can be read ({problem.strerror})", problem.filename)


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk, too."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
