"""What fleets and hubs that tests start have in common: a place of their own, a mark on all processes, and waiting."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


class Marked:
    """A place for files, and a mark that every process of the thing has in its environment."""

    def __init__(self, prefix: str, within_s: float) -> None:
        """within_s: how long `until` and `gone` wait."""
        # Short paths: those of Unix sockets have 107 bytes.
        self.place = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self.mark = uuid.uuid4().hex
        self._within_s = within_s

    def why_over(self) -> str | None:
        """What it has said, if it has ended by itself, so that nothing is worth waiting for; None while it runs."""
        return None

    def log_text(self) -> str:
        """What it has written so far."""
        return ""

    def until(self, condition: Callable[[], Any], what: str, not_yet: tuple[type[Exception], ...] = (OSError,)) -> Any:
        """Poll until something is true; `not_yet` are exceptions that count as false."""
        until_s = time.monotonic() + self._within_s
        while time.monotonic() < until_s:
            with suppress(*not_yet):
                found = condition()
                if found:
                    return found
            over = self.why_over()
            if over is not None:
                raise AssertionError(f"it has ended, and {what} did not come:\n{over}")
            threading.Event().wait(0.05)
        raise AssertionError(f"waited in vain for {what}:\n{self.log_text()}")

    def processes(self) -> list[int]:
        """All that have come of it and live."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if self.mark.encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found

    def gone(self) -> None:
        """Wait until nothing of it is left."""
        until_s = time.monotonic() + self._within_s
        while time.monotonic() < until_s:
            if not self.processes():
                return
            threading.Event().wait(0.05)
        raise AssertionError(f"{len(self.processes())} processes are left")
