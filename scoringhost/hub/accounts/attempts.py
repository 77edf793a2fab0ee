"""Attempts to log in: failures make the next ones for the same name slow. Decides, and does not wait itself."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FIRST_S, LONGEST_S = 0.5, 8.0
"""Seconds between two attempts after the first failure; doubled with each one, up to the longest."""
FORGOTTEN_S = 900.0
"""Seconds after the last attempt for a name when its failures are forgotten."""
MOST_WAIT_S = 20.0
"""Seconds that an attempt is kept waiting at most; one that would wait longer is refused."""
REMEMBERED = 10_000
"""Names: whoever tries more of them has the oldest ones forgotten."""


@dataclass(slots=True)
class _Failures:
    number: int
    next_s: float


class Attempts:
    """Of each name, known or not: whether a name is slow says nothing about whether it is somebody's."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, name: str, now_s: float) -> float | None:
        """Seconds that an attempt must wait; None if it is refused, as too many wait already.

        Takes a place in the row: attempts at the same time do not all wait for the same moment.
        """
        found = self._failures.get(name)
        if found is None:
            return 0.0
        if now_s - found.next_s > FORGOTTEN_S:
            del self._failures[name]
            return 0.0
        waiting_s = max(0.0, found.next_s - now_s)
        if waiting_s > MOST_WAIT_S:
            return None
        found.next_s = now_s + waiting_s + _pause_s(found.number)
        return waiting_s

    def failed(self, name: str, now_s: float) -> None:
        """An attempt has failed."""
        found = self._failures.setdefault(name, _Failures(0, now_s))
        found.number += 1
        found.next_s = max(found.next_s, now_s + _pause_s(found.number))
        self._failures.move_to_end(name)
        if len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """The right password was given."""
        self._failures.pop(name, None)


def _pause_s(failures: int) -> float:
    return float(min(LONGEST_S, FIRST_S * 2 ** min(failures - 1, 10)))
