"""Standard output for the answer alone, whatever a script writes there."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator

OUTPUT, ERRORS = 1, 2


@contextlib.contextmanager
def for_the_answer_alone() -> Iterator[None]:
    """Standard output is standard error meanwhile, for `print`, for child processes and for C code alike.

    It is so again while the process ends, when functions registered with `atexit` run and C code
    writes out what it has kept.
    """
    flush()
    try:
        own = os.dup(OUTPUT)
        os.dup2(ERRORS, OUTPUT)
    except OSError:  # one of the two is closed
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        flush()
        os.dup2(own, OUTPUT)
        os.close(own)
        atexit.register(os.dup2, ERRORS, OUTPUT)  # the last that is registered is the first that runs


def replace_missing() -> None:
    """Open the null device for every standard stream that this process was started without.

    Else the next file or connection that is opened gets its number, and whatever C code writes there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= ERRORS:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(OUTPUT, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    if sys.stderr is None:
        sys.stderr = open(ERRORS, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def flush() -> None:
    """Write out what Python has kept for standard output."""
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not stream.closed:
            stream.flush()
