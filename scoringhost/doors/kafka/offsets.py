"""Offsets: how far a partition may be committed while its messages are answered in any order.

Committed is the offset of the oldest message that has not been answered yet: after a crash everything from there on
comes again. So an answer may be sent twice, but none is left out.
"""

from __future__ import annotations

from collections import OrderedDict


class Partition:
    """The messages of one partition that are under way, for as long as the partition is ours.

    Not locked: for one thread.
    """

    def __init__(self, topic: str, number: int) -> None:
        self.topic, self.number = topic, number
        self.is_lost = False
        """Whether it is somebody else's meanwhile, who gets again what was not committed."""
        self._answered: OrderedDict[int, bool] = OrderedDict()

    def take(self, offset: int) -> None:
        """A message of it is under way; they come in the order of their offsets."""
        self._answered[offset] = False

    def done(self, offset: int) -> int | None:
        """The answer to a message has been acknowledged.

        Returns the offset that may be committed from now on, which is that of the next message to be read after a
        crash, or None if that is as it was.
        """
        if self.is_lost or offset not in self._answered:
            return None
        self._answered[offset] = True
        committable = None
        while self._answered:
            oldest, is_answered = next(iter(self._answered.items()))
            if not is_answered:
                break
            del self._answered[oldest]
            committable = oldest + 1
        return committable
