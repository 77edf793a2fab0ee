"""Ids of the traces that begin here, drawn before it is known whether they are sampled: that depends on the id."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from scoringhost.process.at_fork import in_child

AT_ONCE = 256
"""Drawn together, which takes a third of the time that drawing each alone does."""
_TRACE, _BOTH = 32, 48
"""Hexadecimal digits of a trace's id, and of that and a span's."""


class DrawnIds(RandomIdGenerator):
    """Draws ids, and gives a trace that is sampled the one that was drawn for it.

    The SDK's sampler is asked when the span is made, and decides by that same id: what was foreseen is what it says.
    """

    def __init__(self) -> None:
        self._ready: Iterator[tuple[str, str]] = iter(())
        self._is_known_to_forks = False
        self._given = threading.local()  # several threads serve behind a WSGI server

    def draw(self) -> tuple[str, str]:
        """Ids of a trace and of a span, in hexadecimal."""
        while (drawn := next(self._ready, None)) is None:
            self._renew()
        return drawn

    def _renew(self) -> None:
        """Draw more; in the child of a fork, too, which has the parent's, and where `random` is seeded anew."""
        if not self._is_known_to_forks:
            self._is_known_to_forks = True
            in_child(self._renew)
        digits = random.randbytes(AT_ONCE * _BOTH // 2).hex()
        starts = range(0, len(digits), _BOTH)
        self._ready = iter([(digits[at : at + _TRACE], digits[at + _TRACE : at + _BOTH]) for at in starts])

    def give(self, trace: str) -> None:
        """Have the next trace that this thread begins get an id that was drawn."""
        self._given.trace = trace

    def generate_trace_id(self) -> int:
        """See `IdGenerator`."""
        given: str = getattr(self._given, "trace", "")
        self._given.trace = ""
        return int(given, 16) if given else super().generate_trace_id()
