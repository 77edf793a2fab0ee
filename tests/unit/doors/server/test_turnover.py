"""Turnover: worn workers are replaced one after the other."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

from scoringhost.doors.server.turnover import Turnover
from scoringhost.doors.server.worker import Link


class Workers:
    """What a master has of workers; they are started and end when the test says so."""

    def __init__(self, number: int) -> None:
        self.num_workers, self.worker_age = number, 0
        self.WORKERS: dict[int, Any] = {}
        self.told: list[int] = []
        self.spawn_up_to(number)
        self.all_ready()
        self.turnover = Turnover(self)  # type: ignore[arg-type]

    def spawn_up_to(self, number: int) -> None:
        while len(self.WORKERS) < number:
            self.worker_age += 1
            self.WORKERS[100 + self.worker_age] = SimpleNamespace(link=Link(), age=self.worker_age)

    def kill_worker(self, pid: int, sig: int) -> None:
        assert sig == signal.SIGTERM
        self.WORKERS[pid].link.tell_replaced()
        self.told.append(pid)

    def all_ready(self) -> None:
        for worker in self.WORKERS.values():
            worker.link.tell_ready()

    def wear_out(self, *pids: int) -> None:
        for pid in pids:
            self.WORKERS[pid].link.tell_worn()

    @property
    def pids(self) -> list[int]:
        return sorted(self.WORKERS)


def test_while_no_worker_is_worn_nothing_is_done() -> None:
    workers = Workers(2)
    assert not workers.turnover.goes_on()
    assert (workers.pids, workers.told) == ([101, 102], [])


def test_a_worn_worker_ends_when_another_is_ready_in_its_place() -> None:
    workers = Workers(1)
    workers.wear_out(101)
    assert workers.turnover.goes_on()
    assert (workers.pids, workers.told) == ([101, 102], [])
    workers.turnover.goes_on()
    assert workers.told == []
    workers.all_ready()
    assert workers.turnover.goes_on()
    assert workers.told == [101]
    assert workers.turnover.goes_on()  # it finishes what it has taken
    assert workers.told == [101]
    del workers.WORKERS[101]
    assert not workers.turnover.goes_on()
    assert workers.pids == [102]


def test_workers_are_replaced_one_after_the_other() -> None:
    workers = Workers(3)
    workers.wear_out(101, 102, 103)
    for worn in (101, 102, 103):
        assert workers.turnover.goes_on()
        assert len(workers.WORKERS) == 4
        workers.all_ready()
        workers.turnover.goes_on()
        assert workers.told[-1] == worn
        del workers.WORKERS[worn]
        workers.turnover.goes_on()
    assert workers.pids == [104, 105, 106]


def test_a_substitute_that_cannot_start_is_tried_again_while_the_worn_one_goes_on() -> None:
    workers = Workers(1)
    workers.wear_out(101)
    workers.turnover.goes_on()
    del workers.WORKERS[102]
    assert workers.turnover.goes_on()
    assert (workers.pids, workers.told) == ([101, 103], [])


def test_a_worn_worker_that_dies_has_its_substitute_already() -> None:
    workers = Workers(1)
    workers.wear_out(101)
    workers.turnover.goes_on()
    del workers.WORKERS[101]
    assert not workers.turnover.goes_on()
    assert workers.pids == [102]


def test_nobody_is_replaced_while_a_worker_is_missing() -> None:
    workers = Workers(2)
    workers.wear_out(101)
    del workers.WORKERS[102]
    assert not workers.turnover.goes_on()
    assert workers.pids == [101]
