"""When calls that wait run as one batch, and how many of them: pure decisions, on times that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How large a batch may be, in rows, and how long its first call may wait for others."""

    max_rows: int
    max_wait_s: float = 0.005

    def run_at(self, rows: int, calls: int, expected: int, oldest_s: float, now_s: float) -> float:
        """When the calls that wait should run: now, if no more fit or no more are expected.

        `rows` and `calls` are waiting, the oldest since `oldest_s`; `expected` calls were in the
        batch before. All times are of one clock, in seconds.
        """
        if rows >= self.max_rows or calls >= expected:
            return now_s
        return oldest_s + self.max_wait_s

    def take(self, rows: Sequence[int]) -> int:
        """How many of the first calls go into one batch: one at least, then as many as fit."""
        total = taken = 0
        for count in rows:
            if taken and total + count > self.max_rows:
                break
            total += count
            taken += 1
        return taken
