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


SMALLEST, LARGEST, STEP = 48, 512, 16
"""Sizes of the blocks that Python allocates by itself, bytes; smaller ones are few."""

POOL = 16 * 1024
"""Bytes that it takes at once for blocks of one size."""

EMPTY_POOLS = 3
"""So many in a row, and no holes are left: the end of one that is in use looks like an empty one."""


def filled_holes() -> list[list[bytes]]:
    """Fill the free blocks between those that are in use; returns what they are filled with, to be kept.

    To be called before a process is forked. What a forked process makes anew would otherwise go into holes all over
    the memory that it shares, and each copies a page: 1.4 MB in all, where the holes are as large as that together.
    """
    return [_blocks_of(size) for size in range(SMALLEST, LARGEST + 1, STEP)]


def _blocks_of(size: int) -> list[bytes]:
    """Blocks of one size, until some pools in a row were empty before."""
    length = size - b"".__sizeof__()
    most = POOL // size - 1  # that lie side by side, behind the head of a pool
    made = [bytes(length)]
    empty_pools, consecutive = 0, 1
    while empty_pools < EMPTY_POOLS:
        made.append(bytes(length))
        if id(made[-1]) - id(made[-2]) == size:
            consecutive += 1
        else:
            empty_pools = empty_pools + 1 if consecutive >= most else 0
            consecutive = 1
    return made
