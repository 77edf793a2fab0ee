"""Deadline: the caller's own, and the limit of run()."""

from __future__ import annotations

import time

import pytest

from scoringhost.errors import CallerTimedOut, DeadlineExceeded
from scoringhost.kernel.deadline import Deadline, exceeded, left_of


def deadline(seconds: float) -> Deadline:
    return Deadline(seconds, time.monotonic() + seconds)


def test_without_a_limit_and_a_deadline_there_is_none() -> None:
    assert left_of(None, 100.0, None) == (None, None)


def test_what_was_spent_is_not_left_of_a_limit() -> None:
    assert left_of(3.0, 1.0, None) == (2.0, None)
    assert left_of(3.0, 4.0, None) == (0.0, None)


def test_the_shorter_of_the_two_counts() -> None:
    long, short = deadline(1000.0), deadline(1.0)
    assert left_of(60.0, 0.0, long) == (60.0, None)
    left_s, ends = left_of(60.0, 0.0, short)
    assert ends is short
    assert left_s == pytest.approx(1.0, abs=0.5)


def test_a_deadline_holds_where_there_is_no_limit() -> None:
    over = deadline(-1.0)
    assert left_of(None, 0.0, over) == (0.0, over)
    assert over.is_over


def test_the_error_says_whose_time_is_over() -> None:
    assert isinstance(exceeded(2.0, None), DeadlineExceeded)
    error = exceeded(2.0, deadline(0.25))
    assert isinstance(error, CallerTimedOut)
    assert str(error) == "The 250 ms that the caller waits for an answer are over; run() was broken off"
