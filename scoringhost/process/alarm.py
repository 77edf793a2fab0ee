"""Alarm: wakes a thread some time after it was set last, and can be set again and again meanwhile.

A thread that looks for something every 20 ms takes the interpreter lock each time. Another one that is busy and lets go
of the lock for moments only, as an event loop does around each system call, then wakes it with each of them until it
has its turn: that took a busy worker 2 to 7 % of its requests. This one is woken by the operating system's timer
(timerfd_create(2)), and not at all while somebody sets that again before it is over.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
"""Those of a timer are the same as those of a file, see timerfd_create(2)."""


class _Time(ctypes.Structure):
    """A `struct itimerspec`: what it is set to, once."""

    _fields_ = (
        *(("interval_s", ctypes.c_long), ("interval_ns", ctypes.c_long)),
        *(("after_s", ctypes.c_long), ("after_ns", ctypes.c_long)),
    )


class Alarm:
    """Wakes the one thread that waits for it.

    Where there is no such timer, which is so on systems other than Linux, it is woken every `after_s` seconds.
    """

    def __init__(self, after_s: float) -> None:
        """after_s: seconds from `set` on."""
        self._after_s = after_s
        self._bell, self._ringer = os.pipe()
        for descriptor in (self._bell, self._ringer):
            os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._timer, self.set = _timer(after_s)
        if self._timer is not None:
            self._poll.register(self._timer, select.POLLIN)

    def ring(self) -> None:
        """Wake the thread that waits, or that will wait next; from any thread."""
        try:
            os.write(self._ringer, b"!")
        except BlockingIOError:
            return  # it rings already

    def wait(self, most_s: float) -> bool:
        """Wait for either, for so many seconds at most; whether it was `ring`."""
        if self._timer is None:
            most_s = min(most_s, self._after_s)
        woken = {descriptor for descriptor, _ in self._poll.poll(most_s * 1000)}
        for descriptor in woken:
            try:
                os.read(descriptor, 4096)
            except BlockingIOError:
                continue  # it was set again in this moment
        return self._bell in woken

    def close(self) -> None:
        """Give its descriptors back. It must not be set or rung any more."""
        for descriptor in (self._bell, self._ringer, self._timer):
            if descriptor is not None:
                os.close(descriptor)


def _timer(after_s: float) -> tuple[int | None, Callable[[], object]]:
    """A timer, None if there is none to be had, and what sets it."""
    if sys.platform != "linux":
        return None, lambda: None
    system = ctypes.PyDLL(None)  # keeps the interpreter lock: these calls are over at once
    timer = system.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
    if timer < 0:
        return None, lambda: None
    time = _Time(after_s=int(after_s), after_ns=int(after_s % 1 * 1e9))
    settime, reference = system.timerfd_settime, ctypes.byref(time)
    return timer, lambda: settime(timer, 0, reference, None)
