"""How many threads OpenBLAS uses, for a process in which it has been loaded before that is known."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)
"""The names of one function: the wheels of NumPy and SciPy bring OpenBLAS along under names of their own."""


def set_blas_threads(threads: int, maps: Path = Path("/proc/self/maps")) -> int:
    """Have each OpenBLAS of this process use so many threads; returns how many there are of it.

    OpenBLAS reads OMP_NUM_THREADS once, when it is loaded. `maps` lists what is loaded, on Linux; elsewhere none is
    found. No thread is started here that a fork would lose: OpenBLAS ends them before one, and starts them when needed.
    """
    found = 0
    for path in _loaded(maps):
        with suppress(OSError):
            library = ctypes.CDLL(path)
            name = next((name for name in _SETTERS if hasattr(library, name)), None)
            if name is not None:
                getattr(library, name)(ctypes.c_int(threads))
                found += 1
    return found


def _loaded(maps: Path) -> list[str]:
    try:
        lines = maps.read_text().splitlines()
    except OSError:
        return []
    paths = [line.split(maxsplit=5)[-1] for line in lines if "openblas" in line]
    return sorted(set(paths))
