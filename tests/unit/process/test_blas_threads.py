"""How many threads OpenBLAS uses, where it was loaded before that was known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scoringhost.process.blas_threads import find_blas

PROGRAM = """
import ctypes, numpy
from scoringhost.process import blas_threads
assert blas_threads.find_blas() <= 2
for threads in (2, 1):
    blas_threads.set_blas_threads(threads)
    for setter in blas_threads._found:
        name = setter.__name__.replace("set_num", "get_num")
        libraries = [ctypes.CDLL(path) for path in blas_threads._loaded(__import__("pathlib").Path("/proc/self/maps"))]
        print(*[getattr(one, name)() for one in libraries if hasattr(one, name)])
"""


def test_the_number_can_be_set_later_wherever_openblas_is() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() in ([], ["2", "1"])  # NumPy may have another library


def test_where_the_system_does_not_say_what_is_loaded_none_is_found(tmp_path: Path) -> None:
    assert find_blas(tmp_path / "maps") == 0
