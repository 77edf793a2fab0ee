"""Cores of this process, and each worker's share of them."""

import os
from pathlib import Path

import pytest

from scoringhost.process.cpu_budget import available_cores, limit_threads


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    assert available_cores(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("text", "cores"), [("50000 100000", 0.5), ("max 100000", None)])
def test_the_quota_of_cgroup_version_2_counts(tmp_path: Path, text: str, cores: float | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert available_cores(tmp_path) == (cores or len(os.sched_getaffinity(0)))


def test_the_quota_of_cgroup_version_1_counts(tmp_path: Path) -> None:
    folder = tmp_path / "cpu"
    folder.mkdir()
    (folder / "cpu.cfs_quota_us").write_text("25000")
    (folder / "cpu.cfs_period_us").write_text("100000")
    assert available_cores(tmp_path) == 0.25


@pytest.mark.parametrize(("cores", "workers", "share"), [(8.0, 2, "4"), (2.0, 4, "1"), (0.5, 1, "1"), (3.9, 2, "1")])
def test_each_worker_gets_its_share_and_one_thread_at_least(cores: float, workers: int, share: str) -> None:
    environ: dict[str, str] = {}
    assert limit_threads(environ, workers, cores) == int(share)
    assert environ["OMP_NUM_THREADS"] == share


def test_what_the_user_has_set_stays() -> None:
    environ = {"OMP_NUM_THREADS": "7"}
    limit_threads(environ, 1, 2.0)
    assert environ["OMP_NUM_THREADS"] == "7"
    assert environ["MKL_NUM_THREADS"] == "2"
