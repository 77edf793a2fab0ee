"""What a worker process writes to standard output and standard error, handed on in whole lines."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO

READ_BYTES = 1 << 20
"""What is read of a log at once."""
LINE_BYTES = 1 << 16
"""How long a line may become before it is handed on without its end."""
LAST_READS = 8
"""Reads of what a worker that has ended left; what it started may go on writing for ever."""

Log = Callable[[bytes], None]


class WorkerLog:
    """The log of one worker, which is never waited for."""

    def __init__(self, pipe: IO[bytes], log: Log) -> None:
        self.pipe: IO[bytes] | None = pipe
        """What is read from; None once the worker has closed its end."""
        self._log = log
        self._unfinished = b""
        os.set_blocking(pipe.fileno(), False)

    def pass_on(self) -> bool:
        """Hand on what was written, up to the last whole line; not more than a megabyte at a time.

        Returns whether there may be more.
        """
        if self.pipe is None:
            return False
        text: bytes | None = self.pipe.read(READ_BYTES)
        if text is None:  # it is set not to block, and there is nothing now
            return False
        if not text:
            self._close()
            return False
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if len(self._unfinished) + len(text) - end > LINE_BYTES:
            end = len(text)
        if end:
            self._log(self._unfinished + text[:end])
            self._unfinished = b""
        self._unfinished += text[end:]
        return True

    def finish(self) -> None:
        """Hand on what a worker that has ended left, an unfinished line too, and read no more."""
        for _ in range(LAST_READS):
            if not self.pass_on():
                break
        self._close()

    def _close(self) -> None:
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None
        if self._unfinished:
            self._log(self._unfinished + b"\n")
            self._unfinished = b""
