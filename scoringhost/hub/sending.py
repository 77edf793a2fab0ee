"""A file or folder of this machine as parts that can be sent, none of which waits for the whole."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from scoringhost.hub.content import LEFT_OUT
from scoringhost.hub.errors import ValueRefused

PART = 8 * 1024 * 1024
"""Bytes of a file or an archive that are sent at once."""


def parts_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file."""
    with path.open("rb") as file:
        while part := file.read(PART):
            yield part


def archived(folder: Path) -> Iterator[bytes]:
    """A folder as a tar archive, in parts, none of which waits for the whole: it may be larger than the memory."""
    reading, writing = os.pipe()
    failed: list[OSError] = []

    def write() -> None:
        try:
            with os.fdopen(writing, "wb") as file, tarfile.open(fileobj=file, mode="w|", dereference=True) as archive:
                for path in _wanted(sorted(folder.iterdir())):
                    archive.add(path, path.name, filter=_kept)
        except OSError as problem:  # or a broken pipe: the hub has refused a part, and nobody reads on
            failed.append(problem)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    with os.fdopen(reading, "rb") as file:
        while part := file.read(PART):
            yield part
    thread.join()
    if failed:
        raise ValueRefused("path", f"a folder that can be read ({failed[0]})", str(folder))


def _wanted(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.name not in LEFT_OUT]


def _kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(info.name).name in LEFT_OUT else info
