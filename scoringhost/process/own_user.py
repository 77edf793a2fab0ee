"""A process that runs somebody else's code becomes a user of its own, of which there is nothing but the number."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from scoringhost.process.parents_end import signalled_at_parents_end

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38  # of Linux's prctl()


def become_user(user: int) -> None:
    """Be that user, in the group of the same number and in no other, for good; nothing if this process is already.

    Nothing that is started can get more rights than that, such as by a program that is set-user-ID.

    Raises:
        OSError: if this process may not.
    """
    if os.getuid() == user:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        return
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # After a change of the user the kernel gives what is in /proc/self to root (prctl(2), PR_SET_DUMPABLE), so that
    # the process could not look at its own descriptors. There is nothing in its memory that it may not know.
    _prctl(_PR_SET_DUMPABLE, 1)


def problem_as(user: int, read: Sequence[str], enter: Sequence[str] = ()) -> str | None:
    """Why that user could not read or enter these paths, or this process not look after him; None if all can be.

    It is tried, in a process that is forked for it: who may do what is not for this program to reckon.
    """
    if sys.platform != "linux":
        return "this is done on Linux only"
    reading, writing = os.pipe()
    # What nobody may end is to end with this process.
    ask_for_end = signalled_at_parents_end(signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.close(reading)
            os.write(writing, _tried(user, read, enter, ask_for_end).encode(errors="surrogateescape"))
            os.close(writing)
            signal.pause()  # until it is ended, which not every root may (CAP_KILL)
        except BaseException:
            code = 1
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = answer.read().decode(errors="replace")
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        return "this process may not end another user's"
    os.waitpid(pid, 0)
    return found or None


def _tried(user: int, read: Sequence[str], enter: Sequence[str], ask_for_end: Callable[[], None] | None) -> str:
    try:
        become_user(user)
    except OSError as problem:
        return f"this process may not become another user: {problem.strerror}"
    if ask_for_end is not None:  # now, as a change of the user takes it back
        ask_for_end()
    for path in read:
        if not os.access(path, os.R_OK) or not (os.path.isfile(path) or os.access(path, os.X_OK)):
            return f"other users cannot read {path}"
    for path in enter:
        if not os.access(path, os.X_OK):
            return f"other users cannot enter {path}"
    return ""


def end_all_of(user: int) -> None:
    """End every process of a user, which may have got away from whoever has started it."""
    program = "import os, signal; os.kill(-1, signal.SIGKILL)"  # but for itself, see kill(2)
    command = [sys.executable, "-I", "-S", "-c", program]
    subprocess.run(command, user=user, group=user, extra_groups=[], stderr=subprocess.DEVNULL, check=False)


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) has failed")
