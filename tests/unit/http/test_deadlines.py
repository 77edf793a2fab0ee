"""The deadline that a caller sets itself."""

from __future__ import annotations

import time

import pytest

from scoringhost.errors import InvalidHeader
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.kernel.deadline import Deadline


def read(value: str) -> Deadline:
    request = HttpRequest("POST", "/score", headers=Headers([(TIMEOUT_HEADER, value)]))
    request.began_s = time.perf_counter() - 1.0
    return deadline_of(request)


def test_it_counts_from_the_time_on_at_which_the_request_was_there() -> None:
    deadline = read("60000")
    assert deadline.timeout_s == 60.0
    assert deadline.left_s == pytest.approx(59.0, abs=0.5)


def test_zero_is_over_at_once() -> None:
    assert read("0").is_over


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e3", "soon", "10,20", "1" * 13, "\u0661"])
def test_what_is_no_number_of_milliseconds_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidHeader) as refused:
        read(value)
    assert str(refused.value) == f"header x-request-timeout-ms: expected a whole number of milliseconds, got {value!r}"
