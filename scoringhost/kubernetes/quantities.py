"""Numbers as Kubernetes writes them (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/)."""

from __future__ import annotations

import math

_ALMOST = 1e-6
"""Of a thousandth or a MiB: 0.29 * 1000 is 290.00000000000006, which is 290 and not 291."""


def cpu_quantity(cores: float) -> str:
    """Cores, rounded up to a thousandth: 0.5 is `500m`, 2 is `2`."""
    return thousandths(math.ceil(cores * 1000 - _ALMOST))


def memory_quantity(gib: float) -> str:
    """GiB, rounded up to a MiB: 0.5 is `512Mi`, 2 is `2Gi`."""
    mib = math.ceil(gib * 1024 - _ALMOST)
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"


def thousandths(number: int) -> str:
    """So many thousandths: 2800 is `2800m`, 3000 is `3`."""
    return str(number // 1000) if number % 1000 == 0 else f"{number}m"


def duration(seconds: int) -> str:
    """Seconds as the Gateway API has them (GEP-2257), which takes five digits for each unit at most."""
    if seconds <= 99_999:
        return f"{seconds}s"
    hours, rest = divmod(seconds, 3600)
    return f"{hours}h{rest}s" if rest else f"{hours}h"
