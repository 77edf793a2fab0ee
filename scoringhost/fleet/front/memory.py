"""FrontMemory: what all fronts of a fleet count together, whichever of them a request has come to.

Fronts are not forked from each other: the supervisor makes a file without a name, and each front gets it as a
descriptor, with a number of its own. A front that takes another's place goes on counting in its row.
"""

from __future__ import annotations

import mmap
import os
import tempfile

from scoringhost.access.rate_limit import TABLE_BYTES, Table
from scoringhost.errors import ScoringHostError
from scoringhost.http.errors import ROWS

REASONS = tuple(row.error.__name__ for row in ROWS)

MOST_FRONTS = 64
SALT_BYTES = 16

REQUESTS = {"1xx": 0, "2xx": 1, "3xx": 2, "4xx": 3, "5xx": 4}
"""Cells of the answers of replicas, by the class of their status."""
GONE, IN_FLIGHT, WAITING, _FIRST_REASON = 5, 6, 7, 8
CELLS = {reason: _FIRST_REASON + at for at, reason in enumerate(REASONS)}
"""Cells of what fronts have answered in the place of a replica, by the class of the error."""
WIDTH = _FIRST_REASON + len(REASONS)
ROW_BYTES = WIDTH * 8
HEAD_BYTES = 4096
SIZE = HEAD_BYTES + TABLE_BYTES + MOST_FRONTS * ROW_BYTES


def make_shared() -> int:
    """A descriptor of memory for all fronts of a fleet, to be inherited by them; the supervisor makes it once."""
    with tempfile.TemporaryFile() as file:
        file.truncate(SIZE)
        file.write(os.urandom(SALT_BYTES))
        file.flush()
        return os.dup(file.fileno())


class FrontMemory:
    """The memory as one front sees it."""

    def __init__(self, descriptor: int | None = None, number: int = 0) -> None:
        """descriptor: of `make_shared`, which is closed; None for a front that is alone. number: of this front."""
        own = make_shared() if descriptor is None else descriptor
        self._memory = memoryview(mmap.mmap(own, SIZE))
        os.close(own)
        self._rows = self._memory[HEAD_BYTES + TABLE_BYTES :].cast("d")
        start = number % MOST_FRONTS * WIDTH
        self.cells = self._rows[start : start + WIDTH]
        self.cells[IN_FLIGHT] = self.cells[WAITING] = 0.0  # of a front that was here before, and has gone

    def rate_table(self) -> Table:
        """Where callers are counted for the rate limit."""
        table = self._memory[HEAD_BYTES : HEAD_BYTES + TABLE_BYTES]
        return Table(table, bytes(self._memory[:SALT_BYTES]))

    def sums(self) -> list[float]:
        """The cells of all fronts together."""
        return [sum(self._rows[cell::WIDTH]) for cell in range(WIDTH)]


class Counts:
    """Counts the requests of one front that are for services."""

    __slots__ = ("_cells",)

    def __init__(self, memory: FrontMemory) -> None:
        self._cells = memory.cells

    def begun(self) -> None:
        """A request is to go on to a replica."""
        self._cells[IN_FLIGHT] += 1

    def ended(self, status: int) -> None:
        """A replica has answered with a status; or, with 499, the client has gone before that."""
        cells = self._cells
        cells[IN_FLIGHT] -= 1
        if status == 499:
            cells[GONE] += 1
        else:
            cells[status // 100 - 1 if 100 <= status < 600 else 4] += 1

    def failed(self, error: ScoringHostError) -> None:
        """A request that was to go on is answered here, with an error."""
        cells = self._cells
        cells[IN_FLIGHT] -= 1
        at = CELLS.get(type(error).__name__)
        if at is not None:
            cells[at] += 1

    def waiting(self, count: int) -> None:
        """So many requests wait for a version to start."""
        self._cells[WAITING] = count
