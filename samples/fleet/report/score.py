"""A summary of some numbers, asked for so seldom that nothing runs for it meanwhile."""

import os
import statistics

from scoringhost import typed


def init():
    global UNIT
    UNIT = os.environ["REPORT_UNIT"]


@typed
def run(numbers: list[float]) -> dict[str, str]:
    return {"mean": f"{statistics.mean(numbers):.2f} {UNIT}"}
