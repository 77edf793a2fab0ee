"""The logs of several versions as one."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MOMENT = re.compile(r'(?:\{"time": ?")?(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d+)')
"""At the beginning of a line, as text and as JSON has it."""


def together(logs: Sequence[Sequence[str]]) -> list[str]:
    """All lines in the order of the moments that they begin with.

    A line without one, such as those of a traceback, stays behind the one before it.
    """
    timed = []
    for log in logs:
        moment = ""
        for line in log:
            found = _MOMENT.match(line)
            if found is not None:
                moment = found[1]
            timed.append((moment, line))
    return [line for _, line in sorted(timed, key=lambda one: one[0])]
