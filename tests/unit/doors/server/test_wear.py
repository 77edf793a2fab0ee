"""Wear: when a worker has served for long enough."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from scoringhost.doors.server.wear import Wear
from scoringhost.doors.server.worker import Link
from scoringhost.process.memory import rss_mb
from scoringhost.settings import Settings


def worker(most: int = sys.maxsize, **settings: Any) -> Any:
    return SimpleNamespace(link=Link(), max_requests=most, app=SimpleNamespace(settings=Settings(**settings)))


def test_a_worker_is_worn_after_as_many_requests_as_it_may_answer() -> None:
    one = worker(100)
    wear = Wear(one)
    wear.look(99)
    assert not one.link.is_worn
    wear.look(100)
    assert one.link.is_worn


def test_without_a_limit_no_number_of_requests_wears_a_worker_out() -> None:
    one = worker()
    Wear(one).look(sys.maxsize)
    assert not one.link.is_worn


def test_a_worker_is_worn_when_it_takes_more_memory_than_it_may() -> None:
    sizes = [50.0, 90.0, 101.0]
    one = worker(max_worker_memory_mb=100)
    wear = Wear(one, lambda: sizes.pop(0))
    wear.look(0)
    assert not one.link.is_worn
    wear.look(0)
    assert one.link.is_worn


def test_a_limit_that_a_new_worker_is_over_already_is_ignored_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    one = worker(max_worker_memory_mb=100)
    Wear(one, lambda: 200.0).look(0)
    assert not one.link.is_worn
    assert "max_worker_memory_mb is ignored: a worker that has just started takes 200 MiB" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says so")
def test_the_memory_of_this_process_is_known() -> None:
    size_mb = rss_mb()
    assert size_mb is not None
    assert 5 < size_mb < 100_000
