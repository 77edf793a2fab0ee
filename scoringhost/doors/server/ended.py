"""How worker processes have ended, in words that name what ran out: for gunicorn every SIGKILL is a lack of memory."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterable, Iterator
from typing import Any


def looked_at(pids: Iterable[int]) -> dict[int, str]:
    """How those of the child processes have ended that have, by process id; they still are to be waited for.

    An orderly end is an empty text. Where the system cannot be asked so, as macOS before Python 3.13, nothing is known.
    """
    if not hasattr(os, "waitid"):
        return {}
    found = {}
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                found[pid] = _in_words(ended.si_code == os.CLD_EXITED, ended.si_status)
    return found


def _in_words(has_exited: bool, status: int) -> str:
    if has_exited:
        return f"it has ended with exit code {status}" if status else ""
    try:
        name = signal.Signals(status).name
    except ValueError:
        name = f"signal {status}"
    if status == signal.SIGKILL:
        return f"somebody has killed it ({name}); the system does so when memory runs out"
    if status in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        return ""  # it was told to, and had not got so far as to end in order
    return f"it has crashed ({name})"


@contextlib.contextmanager
def without_lines_of(logger: Any) -> Iterator[None]:
    """Keep gunicorn's own log still, for what is said in other words; `logger` is its `Logger`."""
    lines = getattr(logger, "error_log", None)
    if not isinstance(lines, logging.Logger) or lines.disabled:
        yield
        return
    lines.disabled = True
    try:
        yield
    finally:
        lines.disabled = False
