"""What `top` and `ps -e` call a process that was forked, and so has the command line of another one."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_NAME = 15  # of Linux's prctl()

LONGEST = 15
"""Bytes that Linux keeps of the name of a thread; that of the main one is the name of its process."""


def name_process(name: str) -> None:
    """Give this process a name, on Linux; called on the main thread. What it forks has the same.

    Its command line, which `ps aux` shows, can only be changed by writing over it: gunicorn does so if setproctitle is
    installed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def short_name(service: str, version: str) -> str:
    """`service:version` in so many bytes as a process's name can have; of a long one the version is kept."""
    end = f":{version}" if version else ""
    return (service[: max(1, LONGEST - len(end))] + end)[:LONGEST]
