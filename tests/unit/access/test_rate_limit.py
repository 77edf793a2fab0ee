"""RateLimit: how many are let through, whom they are counted for, and when to come back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import pytest

from scoringhost.access.rate_limit import Rate, RateLimit, Table
from scoringhost.errors import TooManyRequests
from scoringhost.http.messages import HttpRequest

if TYPE_CHECKING:
    from scoringhost.http.routes import Match

MATCH = cast("Match", None)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def asked(limit: RateLimit, client: str = "10.0.0.1", caller: str = "") -> int | None:
    """None if it is let in, or the seconds to wait."""
    head = HttpRequest("POST", "/score", client=client)
    head.caller = caller
    try:
        limit.check(head, MATCH)
    except TooManyRequests as error:
        return error.retry_after_s
    return None


def test_as_many_as_the_rate_may_come_at_once_and_one_more_may_not() -> None:
    limit = RateLimit(Rate(100, 1.0), Table(), Clock())
    assert [asked(limit) for _ in range(101)] == [None] * 100 + [1]


def test_they_come_back_evenly() -> None:
    clock = Clock()
    limit = RateLimit(Rate(2, 60.0), Table(), clock)
    assert [asked(limit) for _ in range(3)] == [None, None, 30]
    clock.now_s += 29.5
    assert asked(limit) == 1
    clock.now_s += 0.5
    assert [asked(limit), asked(limit)] == [None, 30]


def test_a_refused_request_does_not_count() -> None:
    clock = Clock()
    limit = RateLimit(Rate(1, 10.0), Table(), clock)
    assert asked(limit) is None
    assert [asked(limit) for _ in range(50)] == [10] * 50
    clock.now_s += 10
    assert asked(limit) is None


def test_each_address_has_its_own_and_a_name_counts_wherever_it_calls_from() -> None:
    limit = RateLimit(Rate(1, 10.0), Table(), Clock())
    assert [asked(limit, "10.0.0.1"), asked(limit, "10.0.0.2"), asked(limit, "10.0.0.1")] == [None, None, 10]
    assert [asked(limit, "10.0.0.3", "shop"), asked(limit, "10.0.0.4", "shop")] == [None, 10]


def test_processes_that_are_forked_count_together() -> None:
    limit = RateLimit(Rate(3, 3600.0), Table())
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if asked(limit) is None else 1)
        assert os.waitpid(pid, 0)[1] == 0
    assert asked(limit) is not None


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100/s", Rate(100, 1.0)), (" 30 / min", Rate(30, 60.0)), ("5/m", Rate(5, 60.0)), ("1000/h", Rate(1000, 3600.0))],
)
def test_a_rate_is_a_number_for_a_time(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize("text", ["", "100", "0/s", "-1/s", "1.5/s", "100/day", "many/s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 100/s"):
        Rate.parse(text)
