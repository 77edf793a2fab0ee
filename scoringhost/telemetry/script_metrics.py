"""What entry scripts count with prometheus_client, where several processes do so."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import MutableMapping

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client keeps what several processes count; it reads the variable when it is imported."""


def prepare(environ: MutableMapping[str, str]) -> str:
    """Give prometheus_client a folder for what the processes count that this one forks; returns its path.

    To be called before anybody imports it. A folder that the user has named is used and left.
    """
    given = environ.get(MULTIPROCESS_DIR)
    if given:
        return given
    folder = environ[MULTIPROCESS_DIR] = tempfile.mkdtemp(prefix="scoringhost-metrics-")
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # and not in a worker, which inherits what is to be done at the end
        shutil.rmtree(folder, ignore_errors=True)


def forget(pid: int) -> None:
    """A process has ended: gauges that are sums over living processes no longer count it."""
    if "prometheus_client" in sys.modules:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
