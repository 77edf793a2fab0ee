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


def flush() -> None:
    """Write out what Python has kept for standard output."""
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not stream.closed:
            stream.flush()
