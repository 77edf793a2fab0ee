"""Admission: how many calls may run at once, and how many may wait for their turn."""

from __future__ import annotations

import asyncio
from collections import deque

from scoringhost.errors import NotReady, Overloaded


class Admission:
    """A fair gate with `room` places and at most `max_waiting` waiting calls.

    It belongs to one event loop. A place that was taken must be given back with `leave`, by
    whoever holds it: for a run() that outlives its deadline that is the scoring thread.
    """

    def __init__(self, room: int, max_waiting: int) -> None:
        self._room, self._max_waiting = room, max_waiting
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed: str = ""

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the next call has to wait."""
        return self._room <= 0

    @property
    def idle(self) -> bool:
        """Whether `enter_now` would take a place."""
        return self._room > 0 and not self._waiting and not self._closed

    def enter_now(self) -> bool:
        """Take a place if there is one and nobody waits; whether it was taken."""
        if not self.idle:
            return False
        self._room -= 1
        return True

    async def enter(self) -> None:
        """Take a place, in the order of arrival.

        Raises:
            Overloaded: if too many calls wait already.
            NotReady: if the gate is closed, or gets closed while waiting.
        """
        if self._closed:
            raise NotReady(self._closed)
        if self.enter_now():
            return
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(f"{len(self._waiting)} calls are waiting already; try again later")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._withdraw(turn)
            raise

    def leave(self) -> None:
        """Give a place back; the call that waits longest gets it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._room += 1

    def close(self, why: str) -> None:
        """Let nobody in any more; whoever waits is told why."""
        self._closed = why
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(NotReady(why))

    def _withdraw(self, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave()
