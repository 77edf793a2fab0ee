"""UnderWay: the requests that a door has taken and not answered yet."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

LOOK_S = 0.02
"""Seconds between two looks at whether every request has been answered."""


class UnderWay:
    """Counts requests, as a context manager around each of them. For one event loop."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.count -= 1

    async def ended(self, by_s: float) -> bool:
        """Wait until there is none, or until that time of `time.monotonic`; returns whether there is none."""
        while self.count:
            if time.monotonic() >= by_s:
                return False
            await asyncio.sleep(LOOK_S)
        return True
