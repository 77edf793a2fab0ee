"""More requests than can be answered: the work goes on, and those that are refused hear it at once.

`drill.py --only overload` has the figures; here is little time, and a machine that is busy with other tests.
"""

from __future__ import annotations

import pytest

from tests.live.faults.overload import overload_of
from tests.live.faults.table import Drill, Row, printed

SECONDS = 3.0


@pytest.mark.drill
@pytest.mark.parametrize("kind", ["waiting", "deadline"])
def test_under_too_much_load_a_service_goes_on_answering(kind: str) -> None:
    rows: list[Row] = []
    with Drill(SECONDS, 2.0, 0.0, rows.append).row(f"overload, limited by {kind}", "the work goes on") as row:
        able, counts = overload_of(row, kind, SECONDS, times=5)
    assert not rows[0].wrong, printed(rows[0])
    assert counts.lost == 0
    assert set(counts.statuses) <= {200, 503, 504}
    assert counts.good > able * SECONDS / 2
    assert counts.percentile(0.5) < 0.5
