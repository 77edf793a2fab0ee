"""SharedCells: numbers that the processes of one server count in, and any of them can read."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ROW_HEAD = 2
"""Cells in front of each row: the process that counts there, and how many have done so before it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of cells, of doubles. `pid`: who counts there, or did last; `number`: which row it is."""

    number: int
    pid: int
    starts: int
    cells: memoryview[float]

    @property
    def is_alive(self) -> bool:
        """Whether that process still runs."""
        return _is_alive(self.pid)


class SharedCells:
    """A table in memory that a process shares with all that it forks: a row of numbers for each process.

    A process that ends leaves its row as it is, and the next one goes on counting there: a sum over the rows never
    goes back. Counting is a plain `cells[number] += 1`: only one process writes a row, and between the reading and
    the writing no other thread of it gets the interpreter (CPython looks for that at calls and jumps back only).
    """

    def __init__(self, width: int, rows: int) -> None:
        """width: cells for each process; rows: processes at once, beyond which two share a row and may miscount."""
        self._width, self._rows = width + ROW_HEAD, rows
        size = self._width * rows * 8
        # No file's: the kernel would write what is counted to the disk every few seconds.
        self._cells = memoryview(mmap.mmap(-1, size)).cast("d")
        # A file without a name, so that the kernel gives up the lock of a process that dies with it.
        with tempfile.TemporaryFile() as file:
            self._lock = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._lock)
        self._own: tuple[int, memoryview[float]] | None = None

    @property
    def own(self) -> memoryview[float]:
        """The cells of this process, which takes a row when it first asks, and anew after a fork."""
        pid = os.getpid()
        if self._own is None or self._own[0] != pid:
            self._own = pid, self._claim(pid)
        return self._own[1]

    def rows(self) -> Iterator[Row]:
        """Every row that a process has had, in order."""
        for number in range(self._rows):
            at = number * self._width
            pid, starts = int(self._cells[at]), int(self._cells[at + 1])
            if pid:
                yield Row(number, pid, starts, self._cells[at + ROW_HEAD : at + self._width])

    def _claim(self, pid: int) -> memoryview[float]:
        with self._locked():
            free = next((row for row in range(self._rows) if not self._is_taken(row, pid)), pid % self._rows)
            at = free * self._width
            self._cells[at] = pid
            self._cells[at + 1] += 1
        return self._cells[at + ROW_HEAD : at + self._width]

    def _is_taken(self, row: int, by_others_than: int) -> bool:
        pid = int(self._cells[row * self._width])
        return pid not in (0, by_others_than) and _is_alive(pid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:  # Windows, where nothing is forked
            yield
            return
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
