"""Watching the files that a service is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


class Watch:
    """The Python files of some folders, and every file of others, compared by size and time of change."""

    def __init__(self, code: list[Path], data: list[Path]) -> None:
        """`code`: folders of which Python files count; `data`: those of which all files do, or single files."""
        self._code, self._data = code, data
        self._served = self._seen = self._look()

    def changed(self) -> list[str]:
        """The files that are new, gone or different since the last answer; empty while they still change."""
        now = self._look()
        still, self._seen = now == self._seen, now
        if not still or now == self._served:
            return []
        before, self._served = self._served, now
        return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))

    def _look(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for folder in self._code:
            found |= {path: stamp for path, stamp in _files(folder) if path.endswith(".py")}
        for folder in self._data:
            found |= dict(_files(folder) if folder.is_dir() else _stamps([str(folder)]))
        return found


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        yield from _stamps(os.path.join(base, name) for name in names)


def _stamps(paths: Iterable[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError:
            continue  # gone in between, or a link to nowhere
        yield path, (stat.st_mtime_ns, stat.st_size)
