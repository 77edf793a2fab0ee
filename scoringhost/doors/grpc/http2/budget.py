"""Budget: how often a client may do something that costs it less than us."""

from __future__ import annotations

import time
from collections.abc import Callable


class Budget:
    """So many at once, and so many more each second (a token bucket)."""

    __slots__ = ("_left", "_monotonic_s", "_most", "_per_s", "_since_s")

    def __init__(self, most: int, per_s: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._most, self._per_s, self._monotonic_s = most, per_s, monotonic_s
        self._left, self._since_s = float(most), monotonic_s()

    def spend(self) -> bool:
        """Take one; False if none is left."""
        if self._left < 1.0:
            now_s = self._monotonic_s()
            self._left = min(float(self._most), self._left + (now_s - self._since_s) * self._per_s)
            self._since_s = now_s
            if self._left < 1.0:
                return False
        self._left -= 1.0
        return True
