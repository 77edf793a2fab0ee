"""How many threads OpenBLAS uses, for a process in which it has been loaded before that is known."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)
"""The names of one function: the wheels of NumPy and SciPy bring OpenBLAS along under names of their own."""

_found: list[Callable[[Any], object]] = []


def find_blas(maps: Path = Path("/proc/self/maps")) -> int:
    """Look for each OpenBLAS that this process has loaded; returns how many there are.

    `maps` lists what is loaded, on Linux; elsewhere none is found. What is loaded later needs no such thing: it reads
    OMP_NUM_THREADS then.
    """
    _found.clear()
    for path in _loaded(maps):
        with suppress(OSError):
            library = ctypes.CDLL(path)
            name = next((name for name in _SETTERS if hasattr(library, name)), None)
            if name is not None:
                _found.append(getattr(library, name))
    return len(_found)


def set_blas_threads(threads: int) -> None:
    """Have those that were found, here or before a fork, use so many threads.

    They are started when they are needed, and OpenBLAS ends them before a fork.
    """
    for setter in _found:
        setter(ctypes.c_int(threads))


def _loaded(maps: Path) -> list[str]:
    try:
        lines = maps.read_text().splitlines()
    except OSError:
        return []
    paths = [line.split(maxsplit=5)[-1] for line in lines if "openblas" in line]
    return sorted(set(paths))
