"""Deadline: until when a caller waits for its answer. It beats the limit of run() where it comes first."""

from __future__ import annotations

import time
from dataclasses import dataclass

from scoringhost.errors import CallerTimedOut, DeadlineExceeded, ScoringHostError


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the caller of one call gives up.

    timeout_s: how long it waits, in seconds. expires_s: until when that is, of `time.monotonic`.
    """

    timeout_s: float
    expires_s: float

    @property
    def left_s(self) -> float:
        """How much time is left, in seconds; 0 if none is."""
        return max(0.0, self.expires_s - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return time.monotonic() >= self.expires_s


def left_of(limit_s: float | None, spent_s: float, deadline: Deadline | None) -> tuple[float | None, Deadline | None]:
    """How long some work may still take.

    limit_s: of run(), None for no limit, of which `spent_s` are spent. Returns the seconds that are
    left, None for no limit, and the deadline if that is what ends them.
    """
    left_s = None if limit_s is None else max(0.0, limit_s - spent_s)
    if deadline is None:
        return left_s, None
    callers_s = deadline.left_s
    if left_s is not None and left_s <= callers_s:
        return left_s, None
    return callers_s, deadline


def exceeded(limit_s: float | None, deadline: Deadline | None) -> ScoringHostError:
    """What the caller is told when the time that `left_of` gave is over."""
    if deadline is None:
        return DeadlineExceeded(limit_s or 0.0)
    return CallerTimedOut(deadline.timeout_s, "run() was broken off")
