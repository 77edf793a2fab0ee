"""What the whole machine does."""

from __future__ import annotations

import os
from pathlib import Path

from scoringhost.profiling.machine import busy_s


def test_what_is_idle_or_waits_for_a_disk_does_not_count(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 4000 500 6 7 8 99 99\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert busy_s(stat) == (100 + 20 + 30 + 6 + 7 + 8) / os.sysconf("SC_CLK_TCK")


def test_where_nobody_says_so_nothing_is_known(tmp_path: Path) -> None:
    assert busy_s(tmp_path / "stat") is None
    (tmp_path / "stat").write_text("nonsense")
    assert busy_s(tmp_path / "stat") is None
