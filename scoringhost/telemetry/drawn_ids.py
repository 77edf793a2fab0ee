"""Ids of traces and spans, by the operating system.

Those of the SDK come from `random`, which many scripts seed in init(): every worker would draw the same.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import urandom
from typing import Any

from opentelemetry.sdk.trace.id_generator import IdGenerator

from scoringhost.process.at_fork import in_child

AT_ONCE = 256
"""Drawn together: asking the system for each alone would take longer than all else that is done with it."""
_BOTH = struct.Struct("16s8s")
"""Bytes of the id of a trace, and of a span."""


class SystemIds(IdGenerator):
    """Draws each id by itself. None is 0, which would be no id (https://www.w3.org/TR/trace-context/#trace-id)."""

    def is_trace_id_random(self) -> bool:
        """Whether traces have the flag that says so (https://www.w3.org/TR/trace-context-2/#random-trace-id-flag)."""
        return True

    def generate_span_id(self) -> int:
        """See `IdGenerator`."""
        return int.from_bytes(urandom(8)) or 1

    def generate_trace_id(self) -> int:
        """See `IdGenerator`."""
        return int.from_bytes(urandom(16)) or 1


class DrawnIds(SystemIds):
    """Draws ids before it is known whether a trace is sampled, which depends on its id; one that is, gets it.

    The SDK's sampler is asked when the span is made, and decides by that same id: what was foreseen is what it says.
    """

    def __init__(self) -> None:
        self._ready: Iterator[tuple[Any, ...]] = iter(())
        self._is_known_to_forks = False
        self._given = threading.local()  # several threads serve behind a WSGI server

    def draw(self) -> tuple[str, str]:
        """Ids of a trace and of a span, in hexadecimal."""
        while (drawn := next(self._ready, None)) is None:
            self._renew()
        trace, span = drawn
        return trace.hex(), span.hex()

    def _renew(self) -> None:
        """Draw more; in the child of a fork, too, which has the parent's."""
        if not self._is_known_to_forks:
            self._is_known_to_forks = True
            in_child(self._renew)
        self._ready = _BOTH.iter_unpack(urandom(AT_ONCE * _BOTH.size))

    @contextmanager
    def given(self, trace: int, span: int) -> Iterator[None]:
        """Have the one span that this thread begins meanwhile get ids that were drawn; 0 for any."""
        given = self._given
        given.trace, given.span = trace, span
        try:
            yield
        finally:
            given.trace = given.span = 0

    def generate_trace_id(self) -> int:
        """See `IdGenerator`."""
        return getattr(self._given, "trace", 0) or super().generate_trace_id()

    def generate_span_id(self) -> int:
        """See `IdGenerator`."""
        return getattr(self._given, "span", 0) or super().generate_span_id()
