"""How many cores there are for this process, and how many threads each worker's libraries may use.

BLAS and OpenMP start one thread for each core of the machine, in every worker, whatever the
container allows: four workers on one core then spend their time waiting for each other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def available_cores(cgroups: Path = Path("/sys/fs/cgroup")) -> float:
    """Cores that this process may use: its CPU affinity, or the quota of its cgroup if that is less."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity is not None else os.cpu_count() or 1)
    quota = _quota(cgroups)
    return min(cores, quota) if quota else cores


def _quota(cgroups: Path) -> float | None:
    """The quota in cores of cgroup version 2 (cpu.max) or 1 (cpu.cfs_quota_us); None if there is none."""
    try:
        quota, period = (cgroups / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int((cgroups / "cpu" / "cpu.cfs_quota_us").read_text())
        return quota_us / int((cgroups / "cpu" / "cpu.cfs_period_us").read_text()) if quota_us > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None


def limit_threads(environ: MutableMapping[str, str], workers: int, cores: float) -> int:
    """Give each worker its share of the cores, where the user has not said otherwise; answers the share."""
    share = max(1, int(cores / workers))
    for name in THREAD_VARIABLES:
        environ.setdefault(name, str(share))
    return share


def library_threads(environ: Mapping[str, str]) -> int:
    """How many threads a library may use that does not read OMP_NUM_THREADS itself, as `limit_threads` has said."""
    said = environ.get(THREAD_VARIABLES[0], "").partition(",")[0].strip()
    return int(said) if said.isdecimal() and int(said) > 0 else max(1, int(available_cores()))
