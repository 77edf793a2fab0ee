"""Several short steps of a stream in one hand-over to the scoring thread.

A change of thread costs more than a trivial step. So the thread that has made one step goes on with the
next: for a millisecond, and not far ahead of the reader. What has been made is handed on before the
next step begins, so that a step that takes long delays no item that is there already.

Only items that cannot change are made ahead. A generator may well fill the same list or array for each
step, and the item before has to be encoded until then.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

AHEAD_S = 0.001
"""Seconds of steps in one hand-over; a longer step ends it."""

MOST_AHEAD = 32
"""Items made ahead of their reader, which may be large."""

_UNCHANGING = frozenset({str, bytes, int, float, bool, type(None)})


class StepsAhead:
    """The items of one stream that have been made and not been taken yet.

    `run` is for the scoring thread; everything else is for the event loop that it was made on. The two
    share `made` and `_is_told`: the one appends first and looks then whether it has to tell, the other
    takes the word back first and looks then what there is, so that no item stays behind.
    """

    def __init__(self, step: Callable[[], object]) -> None:
        """`step` makes the next item, or the mark of the end, which is none of the types that are made ahead."""
        self.made: deque[object] = deque()
        self._step = step
        self._loop = asyncio.get_running_loop()
        self._is_told = self._is_stopped = False
        self._news: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Make no step ahead any more."""
        self._is_stopped = True

    def run(self) -> None:
        """Make steps, at least one; what they raise is raised.

        The end of this is told by whoever has handed it over, and with it the last item.
        """
        until_s = time.perf_counter() + AHEAD_S
        while True:
            item = self._step()
            self.made.append(item)
            if self._is_stopped or type(item) not in _UNCHANGING or len(self.made) >= MOST_AHEAD:
                return
            if time.perf_counter() >= until_s:
                return
            if not self._is_told:
                self._is_told = True
                with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self.tell)

    def tell(self) -> None:
        """Wake whoever waits for an item, or for the end of the hand-over."""
        self._is_told = False
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def news(self) -> None:
        """Wait until `tell` is called."""
        self._news = self._loop.create_future()
        await self._news
