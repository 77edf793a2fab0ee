"""How a process comes to its end when its parent does, also if that is killed and can do nothing about it.

Two ways, of which each has what the other lacks. The kernel's signal (`signalled_at_parents_end`)
comes at once and needs no help of the program that runs in the child, but is Linux's only, and
reaches one process. The look at the parent (`end_with_parent`) works on every Unix, leaves a time
in which work that is almost done is finished, and then ends everything that the child has started;
but it is code that has to run in the child.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PARENT_LOOK_S = 0.5
"""Seconds between two looks at whether the parent is there."""

_PR_SET_PDEATHSIG = 1  # of Linux's prctl()


def signalled_at_parents_end(number: signal.Signals) -> Callable[[], None] | None:
    """Returns what a child of this process calls right after the fork, to get a signal when this process ends.

    The kernel takes the end of the *thread* that forked for the end of the parent: the fork has to
    be made on a thread that stays as long as the process, which is the main one. The signal is kept
    over an exec. Returns None on systems other than Linux, which have nothing like it.
    """
    if sys.platform != "linux":
        return None
    # Loaded now: after a fork of a process with threads there is little that may be done.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it ended before the kernel was asked
            os._exit(1)

    return ask_for_signal


def end_with_parent(parent: int, grace_s: float) -> None:
    """Have a thread end this process, and all of its process group, `grace_s` seconds after its parent.

    The process must lead a group of its own: otherwise others would be ended with it. `parent` is
    the id that the parent has told, as one that is looked up here may be that of whoever took over
    from a parent that is gone already.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_S)
        time.sleep(grace_s)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
