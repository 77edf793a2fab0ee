"""What there is to score: the files of a folder, or the rows of CSV, JSON-lines and Parquet files."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from scoringhost.batch.parts import Contract, Part
from scoringhost.errors import ScoringHostError
from scoringhost.tabular.pieces import ROWS_AT_ONCE, TABLES, Rows, Size
from scoringhost.tabular.readers import reader_of
from scoringhost.tabular.url_files import File, UrlFile, is_url
from scoringhost.tabular.url_files import find as find_url

FILES_AT_ONCE = 10


class InputUnusable(ScoringHostError):
    """There is nothing to score, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """Files in the order they are scored in; `names` are relative to the folder, empty for a single file."""

    paths: tuple[File, ...]
    names: tuple[str, ...]

    @classmethod
    def find(cls, text: str, *, without: Collection[Path] = ()) -> Source:
        """The file, all files of the folder and its subfolders, or what a pattern such as `in/*.csv` matches.

        Each may be a URL of a file system that fsspec or Arrow knows. Hidden files and folders are left out
        unless they are named, and those of the output, which may lie in the same folder. A link keeps its name: what
        it points to may be called otherwise.

        Raises:
            InputUnusable: if there is none, or none but those of the output.
            MissingExtra: for a URL without fsspec.
        """
        if is_url(text):
            return cls._of_url(text)
        path = Path(text)
        files, base = _found(path, text)
        if not files:
            raise InputUnusable(f"{text}: there is no such file or folder, or no file in it")
        ours = {one.resolve() for one in without}
        read = sorted(one for one in files if one.resolve() not in ours)
        if not read:
            raise InputUnusable(f"{files[0]} is an output of this job; it would be overwritten")
        names = ("",) if path.is_file() else tuple(_relative(one, base) for one in read)
        return cls(tuple(map(_absolute, read)), names)

    @classmethod
    def _of_url(cls, url: str) -> Source:
        try:
            files, names = find_url(url)
        except (OSError, ValueError) as problem:
            raise InputUnusable(str(problem)) from None
        if not files:
            raise InputUnusable(f"{url}: there is no such file or folder, or no file in it")
        return cls(tuple(files), tuple(names))

    @property
    def is_remote(self) -> bool:
        """Whether it is read by URLs, which lead to the same files from any machine."""
        return any(isinstance(path, UrlFile) for path in self.paths)

    def identity(self) -> str:
        """What tells these files from others: a digest of their names, sizes and times of their last change."""
        known = [_known_of(path) for path in self.paths]
        return hashlib.sha256(repr(known).encode("utf-8", "surrogateescape")).hexdigest()

    def parts(self, contract: Contract, size: Size | None) -> Iterator[Part]:
        """The mini-batches. The size is 10 files or 1,000 rows if none is given.

        Raises:
            InputUnusable: if a file cannot be read as what its name says.
            MissingExtra: for a Parquet file without pyarrow.
        """
        if contract is Contract.FILES or (contract is Contract.REQUESTS and not self._are_tables()):
            return self._files(size or Size(FILES_AT_ONCE))
        return self._numbered(contract, size or Size(ROWS_AT_ONCE))

    def _are_tables(self) -> bool:
        return all(path.suffix.lower() in TABLES for path in self.paths)

    def _files(self, size: Size) -> Iterator[Part]:
        if size.bytes:
            raise InputUnusable("files are counted: the mini-batch size is a number of them, such as 10")
        count = len(self.paths)
        for index, start in enumerate(range(0, count, size.number)):
            paths = [str(path) for path in self.paths[start : start + size.number]]
            yield Part(index, Rows.PATHS, paths, start + 1, min(count, start + size.number) / count)

    def _numbered(self, contract: Contract, size: Size) -> Iterator[Part]:
        numbers = itertools.count()
        lengths = [_length(path) for path in self.paths]
        total, before = sum(lengths) or 1, 0
        for path, name, length in zip(self.paths, self.names, lengths, strict=True):
            try:
                reader = reader_of(path, as_frames=contract is Contract.TABLE)
                for piece in reader(path, size):
                    position = (before + piece.share * length) / total
                    yield Part(
                        next(numbers), piece.rows, piece.items, piece.first, position, name, piece.columns, piece.head
                    )
            except (OSError, UnicodeDecodeError, ValueError) as problem:
                raise InputUnusable(f"{path}: {str(problem).strip()}") from None
            before += length


def leave_out(parts: Iterator[Part], count: int) -> float:
    """Read over the first mini-batches, which are done; answers their share of the input, from 0 to 1."""
    position = 0.0
    for part in itertools.islice(parts, count):
        position = part.position
    return position


def _found(path: Path, text: str) -> tuple[list[Path], Path]:
    """The files, and the folder that their names are relative to. Patterns match what is hidden only if they say so."""
    if path.is_file():
        return [path], Path()
    if not path.is_dir():
        return [one for one in map(Path, glob(text, recursive=True)) if one.is_file()], Path()
    return [one for one in path.rglob("*") if one.is_file() and not _is_hidden(one.relative_to(path))], path


def _length(file: File) -> int:
    """Bytes. Raises InputUnusable if it has gone."""
    try:
        return file.stat().st_size
    except OSError as problem:
        raise InputUnusable(f"{file}: {problem}") from None


def _known_of(file: File) -> tuple[object, ...]:
    """What tells a file from its next version. Raises InputUnusable if it has gone."""
    try:
        if isinstance(file, UrlFile):
            return str(file), file.version()
        stat = file.stat()
        return str(file), stat.st_size, stat.st_mtime_ns
    except OSError as problem:
        raise InputUnusable(f"{file}: {problem}") from None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _absolute(path: Path) -> Path:
    """The path from the root; links are followed only if what is above them is asked for."""
    return path.parent.resolve() / path.name if ".." in path.parts else path.absolute()


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()
