"""CallSpeed: whether calls of run() are short enough to share a thread with the event loop.

The rule. Calls are taken to be short after `needed` of them in a row (32 at first) have each taken
at most 1 ms. They are not any more when one takes over 50 ms, or a second one within 128 calls
takes over 20 ms (on a busy machine a short one may have been preempted). While they are short, the event loop
runs on the scoring thread and a call is run on the spot, which saves two changes of thread; a call
whose body is more than twice as large as any of the short ones is not, whatever the others took.

A result that streams says nothing by its first call of run(): the steps may take any time. They are
never made on the spot, and the loop leaves for them. It comes back after `needed` short calls, so
that a script of many short streams does not move it for each of them.

Calls that were run on the spot and turned out long have kept the event loop waiting: after each
such surprise four times as many short ones are needed, up to 65,536; after as many again without
one, a quarter.
"""

from __future__ import annotations

SHORT_S = 0.001
LONG_S = 0.02
VERY_LONG_S = 0.05
FIRST_NEEDED = 32
MOST_NEEDED = 65_536
WINDOW = 128
SMALL_BODY = 16_384
"""Bytes up to which the size of a body says nothing about its call."""


class CallSpeed:
    """What recent calls took. Durations are in seconds, sizes in bytes."""

    __slots__ = ("_in_a_row", "_largest", "_since_long", "needed", "short")

    def __init__(self) -> None:
        self.short = False
        self.needed = FIRST_NEEDED
        self._in_a_row = 0
        self._since_long = WINDOW
        self._largest = SMALL_BODY

    def fits(self, size: int) -> bool:
        """Whether a call with a body of that size may be run on the spot."""
        return self.short and size <= 2 * self._largest

    def observe(self, spent_s: float, size: int, *, on_the_spot: bool) -> None:
        """Take in what one call took."""
        self._since_long += 1
        if spent_s <= SHORT_S:
            self._in_a_row += 1
            if size > self._largest:
                self._largest = size
            if self._in_a_row >= self.needed:
                self._settle_down()
        elif spent_s > LONG_S:
            self._in_a_row = 0
            if spent_s > VERY_LONG_S or self._since_long < WINDOW:
                self._slow_down(size, on_the_spot)
            self._since_long = 0

    def streams(self) -> None:
        """A call turned out to be a stream, whose steps are made elsewhere."""
        self.short = False
        self._in_a_row = 0

    def _settle_down(self) -> None:
        self._in_a_row = 0
        if self.short and self.needed > FIRST_NEEDED:
            self.needed //= 4
        self.short = True

    def _slow_down(self, size: int, on_the_spot: bool) -> None:
        self.short = False
        if size > SMALL_BODY:
            self._largest = max(SMALL_BODY, min(self._largest, size // 2))
        if on_the_spot:
            self.needed = min(4 * self.needed, MOST_NEEDED)
