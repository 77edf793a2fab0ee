from __future__ import annotations

from scoringhost.doors.grpc.http2.budget import Budget


def test_so_many_at_once_and_so_many_each_second() -> None:
    now_s = 0.0
    budget = Budget(3, 2.0, lambda: now_s)
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]

    now_s = 1.0
    assert [budget.spend() for _ in range(3)] == [True, True, False]

    now_s = 100.0
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]
