"""Memory of this process: what the allocator gives back to the system, and how much there is."""

from __future__ import annotations

import ctypes
import gc
import mmap
from contextlib import suppress
from pathlib import Path

GC_ALLOCATIONS = 10_000
"""Allocations between two collections of the youngest objects; a request makes about a hundred."""

KEPT = 64 * 1024 * 1024
"""Bytes of freed memory that the process may keep for the next request."""
MAPPED_FROM = 32 * 1024 * 1024
"""Bytes from which a block is mapped from the system by itself; the most that glibc allows."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h; mallopt(3)


def settle() -> None:
    """To be called when init() is over: what it made stays, and what requests use is used again.

    Collections need not look at the model any more, and forks share its memory (`gc.freeze`). By
    default glibc returns every block of a megabyte to the system and asks for it anew for the next
    request, page by page: copying such a body takes five times as long.
    """
    gc.collect()
    gc.set_threshold(GC_ALLOCATIONS)
    gc.freeze()
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.malloc_trim(0)
        library.mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM)
        library.mallopt(_M_TRIM_THRESHOLD, KEPT)


def rss_mb() -> float | None:
    """Memory of this process that is in use, MiB, with what it shares; None where the system does not say.

    A look costs microseconds, where that of `pss_mb` walks through all pages.
    """
    try:
        with open("/proc/self/statm") as statm:
            pages = int(statm.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * mmap.PAGESIZE / (1024 * 1024)


def pss_mb() -> float | None:
    """The process's share of memory in MB (PSS: a page that n processes share counts 1/n); None if unknown."""
    try:
        text = Path("/proc/self/smaps_rollup").read_text()
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), None)
    return int(line.split()[1]) * 1024 / 1e6 if line else None
