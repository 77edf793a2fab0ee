"""One call in a place of its own: what it prints, and the files that it writes into its working directory."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

MOST_PRINTED = 1024 * 1024
"""Characters of printed text that are kept for the caller; all of it goes to the log."""
MOST_IN_FILES = 64 * 1024 * 1024
"""Bytes that the files of one call may have altogether, if they are to be sent."""

_one_at_a_time = threading.Lock()
"""The working directory and standard output are the process's: two calls at once would have them from each other."""


class FilesTooLarge(ValueError):
    """What a call has written is more than can be sent."""


@dataclass(slots=True)
class Captured:
    """What a call has left. changed: names of files. output_files: of those wanted, the content in base64 or None."""

    printed: str = ""
    changed: list[str] = field(default_factory=list)
    output_files: dict[str, str | None] = field(default_factory=dict)


class _Tee(io.TextIOBase):
    """Keeps what is printed, and hands it on to the log."""

    def __init__(self, behind: TextIO) -> None:
        self._behind = behind
        self._kept: list[str] = []
        self._room = MOST_PRINTED

    def write(self, text: str) -> int:
        """Keep it, as long as there is room."""
        self._behind.write(text)
        if self._room > 0:
            self._kept.append(text[: self._room])
            self._room -= len(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what is left."""
        self._behind.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    @property
    def text(self) -> str:
        """What was printed."""
        return "".join(self._kept)


@contextlib.contextmanager
def captured(wanted: Sequence[str]) -> Iterator[Captured]:
    """Run a call in an empty working directory, which is gone afterwards; what it left is known at the end.

    wanted: names of files that are to be sent.

    Raises:
        FilesTooLarge: if these are more than `MOST_IN_FILES`.
    """
    found = Captured()
    with _one_at_a_time:
        before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        place = Path(tempfile.mkdtemp(prefix="scoringhost-call-"))
        tee = _Tee(sys.stdout)
        try:
            os.chdir(place)
            with contextlib.redirect_stdout(tee):
                yield found
        finally:
            found.printed = tee.text
            tee.flush()
            os.fchdir(before)
            os.close(before)
            try:
                _read(place, wanted, found)
            finally:
                shutil.rmtree(place, ignore_errors=True)


def _read(place: Path, wanted: Sequence[str], found: Captured) -> None:
    if place.is_dir():  # unless the call has removed it
        found.changed = sorted(path.name for path in place.iterdir() if _is_file(path))
    left = MOST_IN_FILES
    for name in wanted:
        content = None
        if name in found.changed:
            data = (place / name).read_bytes()
            left -= len(data)
            if left < 0:
                raise FilesTooLarge(f"the files that it has written are more than {MOST_IN_FILES} bytes")
            content = base64.b64encode(data).decode("ascii")
        found.output_files[name] = content


def _is_file(path: Path) -> bool:
    """Whether it is a file itself: a link may lead to any file that the process can read."""
    return stat.S_ISREG(path.lstat().st_mode)
