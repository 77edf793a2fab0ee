"""The policy of adaptive batching, on made-up times."""

import pytest

from scoringhost.kernel.batch_policy import BatchPolicy


def test_a_lone_call_runs_at_once() -> None:
    assert BatchPolicy(64, 0.005).run_at(rows=1, calls=1, expected=1, oldest_s=10.0, now_s=10.0) == 10.0


def test_after_a_batch_the_next_one_waits_for_as_many_callers() -> None:
    assert BatchPolicy(64, 0.005).run_at(rows=3, calls=3, expected=8, oldest_s=10.0, now_s=10.001) == 10.005


def test_a_full_batch_runs_at_once() -> None:
    assert BatchPolicy(64, 0.005).run_at(rows=64, calls=3, expected=8, oldest_s=10.0, now_s=10.001) == 10.001


@pytest.mark.parametrize(("waiting", "taken"), [([1, 1, 1], 3), ([3, 2, 1], 1), ([9, 1], 1), ([1, 3, 1], 2), ([4], 1)])
def test_a_batch_takes_whole_calls_up_to_its_rows_and_one_at_least(waiting: list[int], taken: int) -> None:
    assert BatchPolicy(4).take(waiting) == taken
