"""The event loop of a worker, which runs on the main thread or on an I/O thread, never on both.

run() always has the main thread. While calls are short the loop comes to it, and requests are
served from beginning to end without a change of thread; when they are not, the loop leaves for the
I/O thread, and nothing the script does delays it but the interpreter lock.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from scoringhost.kernel.scoring_thread import ALARM_S, ScoringThread
from scoringhost.process.alarm import Alarm

WATCH_S = 0.02
"""Seconds between two looks at work that is done on the spot, which the loop cannot time itself."""

REST_S = 0.25
"""The same while there is none: the alarm tells of it."""


class MovingLoop:
    """Runs an event loop; the kernel moves it with `come` and `leave`, which are called on the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, scoring: ScoringThread, watch: Callable[[], None], *, stays: bool
    ) -> None:
        """`watch` is called every now and then while the loop is on the main thread.

        `stays`: the loop is on the main thread for good, for scripts whose run() is async.
        """
        self.loop = loop
        self._scoring, self._watch, self._stays = scoring, watch, stays
        self._at_main = self._ended = False
        self._wanted_at_main = stays
        self._alarm = Alarm(WATCH_S)
        scoring.alarm = self._alarm.set

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """On the main thread: run the loop, and what the loop hands over, until `work` has ended.

        Raises:
            Whatever `work` raises.
        """
        self._scoring.adopt()
        task = self.loop.create_task(work)
        task.add_done_callback(self._end)
        io = threading.Thread(target=self._run_away, name="io", daemon=True)
        io.start()
        while not self._ended:
            if self._wanted_at_main:
                self._at_main = True
                self.loop.run_forever()
                self._at_main = False
            else:
                self._alarm.ring()
                self._scoring.serve_here()
        self._alarm.ring()
        io.join()
        self._scoring.alarm = None
        self._alarm.close()
        task.result()

    def come(self) -> None:
        """Run the loop on the main thread from now on."""
        if not self._at_main:
            self._wanted_at_main = True
            self.loop.stop()

    def leave(self) -> None:
        """Run the loop on the I/O thread from now on; a `come` that has not happened yet is taken back."""
        if self._stays:
            return
        self._wanted_at_main = False
        if self._at_main:
            self.loop.stop()

    @property
    def is_coming(self) -> bool:
        """Whether it is about to be run on the main thread, as soon as that has done what it was handed."""
        return self._wanted_at_main and not self._at_main

    def _end(self, _: object) -> None:
        self._ended = True
        self.loop.stop()

    def _run_away(self) -> None:
        while not self._ended:
            # Of work that began later than that the alarm has been told, or is still to be heard.
            is_long = self._scoring.busy_here_s() >= ALARM_S
            if not self._alarm.wait(WATCH_S if is_long else REST_S):
                self._watch()
                continue
            while not (self._ended or self._wanted_at_main):
                self.loop.run_forever()
            self._scoring.close()
