"""When a set that has failed is started again. Pure: whoever asks brings the time."""

from __future__ import annotations

LONGEST_S = 30.0
"""Seconds between two tries, at most."""

SETTLED_S = 60.0
"""Seconds for which a set must have served before its end counts as the first failure again."""


class BackOff:
    """Counts the failures of one version of a service: 1, 2, 4, 8, 16, 30, 30 ... seconds until the next try."""

    def __init__(self) -> None:
        self.failures = 0

    def failed(self, served_s: float = 0.0) -> float:
        """Take note of a failure, after so many seconds of service. Returns the seconds until the next try."""
        if served_s >= SETTLED_S:
            self.failures = 0
        self.failures += 1
        return float(min(2.0 ** (self.failures - 1), LONGEST_S))

    def reset(self) -> None:
        """Forget the failures: somebody has changed something, or asks for a try now."""
        self.failures = 0
