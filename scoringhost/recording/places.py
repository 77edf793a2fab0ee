"""Where files are kept: a folder of this machine, or anything that fsspec has a name for."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any, Protocol

from scoringhost.errors import MissingExtra, SettingsError


class Place(Protocol):
    """A place for whole files."""

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file; none is left behind if that fails. name: with the folders that it is in."""


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, data: bytes) -> None:
        """See `Place`. Whoever watches the folder sees the file when it is whole."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            unfinished.write_bytes(data)
            os.replace(unfinished, path)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise


class Remote:
    """What a URL of fsspec leads to (https://filesystem-spec.readthedocs.io), such as s3:// or abfs://."""

    def __init__(self, url: str) -> None:
        """Look whether the packages are there; nothing is asked of the other side yet.

        Raises:
            MissingExtra: without fsspec.
            SettingsError: if the URL cannot be used.
        """
        self.url = url.rstrip("/")
        try:
            import fsspec
        except ImportError:
            raise MissingExtra("fsspec", "collection") from None
        try:
            fsspec.get_filesystem_class(url.partition("://")[0])
        except (ImportError, ValueError) as problem:
            raise SettingsError("collect_to", url, str(problem)) from None

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        from fsspec.core import url_to_fs

        # Found anew each time, which fsspec does from a cache: in the child of a fork it must be another one.
        files: Any
        files, path = url_to_fs(f"{self.url}/{name}")
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.pipe_file(path, data)


def place_of(where: str) -> Folder | Remote:
    """The place that a setting names. Raises as `Remote` does."""
    return Remote(where) if "://" in where else Folder(Path(where))


def plain_name(text: str, most: int = 60) -> str:
    """A text as the name of a file or folder: letters, digits, `-`, `_` and `.`, which is not the first."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".")[:most] or "_"
