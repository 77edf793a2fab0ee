"""What the whole machine does meanwhile: on a busy one a service gets less than it would take."""

from __future__ import annotations

import os
from pathlib import Path


def busy_s(stat: Path = Path("/proc/stat")) -> float | None:
    """Seconds of CPU that all programs of the machine have used so far; None where nobody says so.

    Of the columns of /proc/stat (proc(5)) user, nice, system, irq, softirq and steal are counted.
    """
    try:
        columns = [int(word) for word in stat.read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, _idle, _iowait, irq, softirq, steal = columns
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / float(os.sysconf("SC_CLK_TCK"))
