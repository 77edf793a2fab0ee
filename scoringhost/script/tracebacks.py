"""The user's traceback: what Python would have printed, without the frames of the host."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_CALLERS = (str(Path(_PACKAGE, "kernel")), str(Path(_PACKAGE, "script", "loading.py")))
"""What calls the script's functions, and is called by none of them."""
_LOADERS = ("<frozen importlib", "<frozen runpy")


def user_traceback(error: BaseException) -> str:
    """Format an exception with everything from the first frame of the user's on.

    A failing `__str__` of the exception is survived. If every frame is the host's, all are kept.
    """
    start = error.__traceback__
    while start is not None and _is_ours(start):
        start = start.tb_next
    if start is None and not isinstance(error, SyntaxError):  # a syntax error shows its line by itself
        start = error.__traceback__
    try:
        lines = traceback.format_exception(type(error), error, start)
    except Exception:
        lines = [f"{type(error).__name__} (its text could not be formatted)\n"]
    return "".join(lines).rstrip("\n")


def user_stack(frame: FrameType) -> str:
    """Format where a running thread is, from the first frame of the user's on."""
    summary = traceback.extract_stack(frame)
    # Above the last frame of the kernel are ours, and those of gunicorn and threading between them.
    first = max((at for at, entry in enumerate(summary) if entry.filename.startswith(_CALLERS)), default=0)
    theirs = [entry for entry in summary[first:] if not entry.filename.startswith(_PACKAGE)]
    return "Still running (most recent call last):\n" + "".join(traceback.format_list(theirs)).rstrip("\n")


def frames_of(error: BaseException) -> Iterator[tuple[str, int]]:
    """The file and line of every frame of an exception's traceback, the outermost first."""
    at = error.__traceback__
    while at is not None:
        yield at.tb_frame.f_code.co_filename, at.tb_lineno
        at = at.tb_next


def _is_ours(frame: TracebackType) -> bool:
    filename = frame.tb_frame.f_code.co_filename
    return filename.startswith((_PACKAGE, *_LOADERS))
