"""Files that URLs name, on any file system that fsspec or Arrow knows; they are read as those that paths name are.

fsspec is asked first (https://filesystem-spec.readthedocs.io). Where it wants a package that is not
installed, as s3fs for s3://, Arrow's own file system of that name is taken if there is one: pyarrow
brings those for S3, Google's and Azure's storage and HDFS along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

from scoringhost.errors import MissingExtra


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What is known of a file without opening it; its length is called as `os.stat_result` calls it."""

    st_size: int


@dataclass(frozen=True, slots=True)
class UrlFile:
    """A file on the file system that a URL names.

    url: as it was given; it may have the file system's options in it. path: as that file system has it.
    Only these two are pickled, so that another machine connects by itself.
    """

    url: str
    path: str

    def __str__(self) -> str:
        """Its own URL, by which fsspec opens it."""
        return str(file_system(self.url)[0].unstrip_protocol(self.path))

    @property
    def suffix(self) -> str:
        """The end of its name, such as ".csv"."""
        return PurePosixPath(self.path).suffix

    def open(self, mode: str = "r", *, encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        """Open it for reading.

        Raises:
            OSError: if it cannot be opened, whatever its file system raises then.
        """
        files = file_system(self.url)[0]
        text = {} if "b" in mode else {"encoding": encoding, "newline": newline}
        with _as_os_error(self):
            opened: IO[Any] = files.open(self.path, mode, **text)
            return opened

    def stat(self) -> FileStatus:
        """Its length. Raises OSError."""
        files = file_system(self.url)[0]
        with _as_os_error(self):
            return FileStatus(int(files.size(self.path) or 0))

    def version(self) -> str:
        """What changes with its content, if its file system can tell: a time, or a tag. Raises OSError."""
        files = file_system(self.url)[0]
        with _as_os_error(self):
            return str(files.ukey(self.path))


File = Path | UrlFile
"""What is read: a file of this machine, or one that a URL names."""


def is_url(text: str) -> bool:
    """Whether a text is a URL and not a path."""
    return "://" in text


def file_of(text: str) -> File:
    """The file that a path or a URL names. Raises MissingExtra and ValueError as `file_system` does."""
    return UrlFile(text, file_system(text)[1]) if is_url(text) else Path(text)


# Kept, because an archive's file system closes the archive when it goes, with what is being read from it.
@lru_cache(maxsize=16)
def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, as fsspec has them, and the path in it.

    Raises:
        MissingExtra: without fsspec.
        ValueError: if neither fsspec nor Arrow has it.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtra("fsspec", "urls") from None
    try:
        files, path = url_to_fs(url)
        return files, str(path)
    except (ImportError, ValueError) as problem:
        of_arrow = _of_arrow(url)
        if of_arrow is None:
            raise ValueError(f"{url}: {problem}") from None
        return of_arrow


def _of_arrow(url: str) -> tuple[Any, str] | None:
    """Arrow's file system for a URL; None if it has none."""
    try:
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow.fs import FileSystem

        files, path = FileSystem.from_uri(url)
    except (ImportError, OSError, ValueError):  # ArrowInvalid is a ValueError
        return None
    return ArrowFSWrapper(files), path


def find(url: str) -> tuple[list[UrlFile], list[str]]:
    """The file that a URL names, all below the folder, or what its pattern matches; none if there is nothing.

    Returns the files in the order of their paths, and their names relative to the folder: empty for a single file.
    What is hidden is left out below a folder.

    Raises:
        MissingExtra: without fsspec.
        ValueError: for a URL of no known file system.
        OSError: if the file system cannot be asked.
    """
    files, path = file_system(url)
    with _as_os_error(url):
        if files.isfile(path):
            return [UrlFile(url, path)], [""]
        if files.isdir(path):
            base = path.rstrip("/") + "/"
            names = [str(one).removeprefix(base) for one in sorted(files.find(path))]
            shown = [name for name in names if not any(step.startswith(".") for step in name.split("/"))]
            return [UrlFile(url, base + name) for name in shown], shown
        matched = [str(one) for one in sorted(files.glob(path)) if files.isfile(one)]
    return [UrlFile(url, one) for one in matched], matched


@contextmanager
def for_library(file: File) -> Iterator[Any]:
    """What pandas and pyarrow are handed: a path, which they open themselves, or an open file."""
    if isinstance(file, Path):
        yield file
        return
    with file.open("rb") as opened:
        yield opened


@contextmanager
def _as_os_error(what: object) -> Iterator[None]:
    """Whatever a file system raises as OSError: botocore, aiohttp and others have errors of their own."""
    try:
        yield
    except OSError:
        raise
    except Exception as problem:
        raise OSError(f"{what} cannot be read: {type(problem).__name__}: {problem}") from problem
