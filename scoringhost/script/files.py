"""The files of a project, as far as they are looked at for one that may have been meant."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

MOST_FILES = 2000
MOST_DEPTH = 3


def entries_of(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it cannot be read."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return []


def files_below(folder: Path) -> Iterator[Path]:
    """The first files below a folder, those near the top first; environments with packages are left out."""
    return itertools.islice(_walk(folder, 0), MOST_FILES)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    entries = entries_of(folder)
    yield from (entry for entry in entries if entry.is_file())
    for entry in entries:
        if depth < MOST_DEPTH and entry.is_dir() and not (entry / "pyvenv.cfg").exists():
            yield from _walk(entry, depth + 1)
