"""What a process does when it ends by itself, whoever has started it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any


class AtProcessEnd:
    """Work for the end of this process.

    `atexit` is enough for a program and for what `os.fork` makes of it. A process that multiprocessing has started
    (a worker of granian, of `uvicorn --workers 2`) ends with `os._exit`, which passes `atexit` by, and asks for
    finalizers of its own. Those are of one process: what that forks begins without.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        """Register nothing yet. `work` may be called twice."""
        self._work = work
        self._finalizer: Any = None

    def register(self) -> None:
        """Have the work done at the end of this process; once for each process that is to do it."""
        self.cancel()
        atexit.register(self._work)
        if "multiprocessing.process" not in sys.modules:  # which takes 5 ms to import, and is there in its processes
            return
        from multiprocessing.process import parent_process
        from multiprocessing.util import Finalize

        if parent_process() is not None:
            self._finalizer = Finalize(None, self._work, exitpriority=0)

    def cancel(self) -> None:
        """Have it not done."""
        atexit.unregister(self._work)
        if self._finalizer is not None:
            self._finalizer.cancel()
            self._finalizer = None
