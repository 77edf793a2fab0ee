"""The mini-batches that are waiting, being scored, or waiting for one before them: in order, and bounded.

Decides only; `pool` does what follows. A mini-batch that ended its worker is divided, down to the
item that is at fault; its pieces are scored like any other mini-batch, and become one again at the
end of the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from scoringhost.batch.parts import Outcome, Part


@dataclass(slots=True, eq=False)
class Slot:
    """A mini-batch or a piece of one, in the order of the output; `ends` if no other piece of it follows."""

    part: Part
    ends: bool = True
    outcome: Outcome | None = None
    attempts: int = 0


class PartQueue:
    """The mini-batches that have been read and not been written."""

    def __init__(self, limit: int, max_retries: int) -> None:
        """limit: how many there may be at once. max_retries: further tries of an item that ended its worker."""
        self._limit, self._max_retries = limit, max_retries
        self._slots: deque[Slot] = deque()
        self._waiting: deque[Slot] = deque()
        self._pieces = Outcome()
        """Of the pieces that are done of the mini-batch that is to be written next."""

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def is_full(self) -> bool:
        """Whether the next mini-batch has to wait for one to be written, so that memory stays bounded."""
        return len(self._slots) >= self._limit

    def add(self, part: Part) -> None:
        """Put a mini-batch at the end."""
        slot = Slot(part)
        self._slots.append(slot)
        self._waiting.append(slot)

    def take(self) -> Slot | None:
        """What is to be scored next; None if everything is being scored or done.

        Whoever takes it sets its `outcome`, or gives it to `has_ended_worker`.
        """
        return self._waiting.popleft() if self._waiting else None

    def has_ended_worker(self, slot: Slot, why: str) -> None:
        """Have the halves of a mini-batch scored, before all others; a single item fails after its tries."""
        halves = slot.part.halves()
        if halves:
            first, second = Slot(halves[0], ends=False), Slot(halves[1], ends=slot.ends)
            at = self._slots.index(slot)
            self._slots[at] = first
            self._slots.insert(at + 1, second)
            self._waiting.appendleft(second)
            self._waiting.appendleft(first)
        elif slot.attempts < self._max_retries:
            slot.attempts += 1
            self._waiting.appendleft(slot)
        else:
            slot.outcome = Outcome.failing(slot.part, why)

    def done(self) -> Iterator[tuple[Part, Outcome]]:
        """Take out, in order, the mini-batches of which everything is scored, each with its whole outcome.

        The part of one that was divided is its last piece: it says how far the input has been read.
        """
        while self._slots and (outcome := self._slots[0].outcome) is not None:
            slot = self._slots.popleft()
            self._pieces.add(outcome)
            if slot.ends:
                whole, self._pieces = self._pieces, Outcome()
                yield slot.part, whole
