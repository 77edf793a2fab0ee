"""SharedCells: what forked processes count, and what becomes of it when they end."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from scoringhost.process import shared_cells
from scoringhost.process.shared_cells import SharedCells


def in_a_fork(work: Callable[[], object]) -> int:
    """Do some work in a child, which has ended when this returns; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    return pid


def test_what_a_child_counts_is_seen_by_its_parent() -> None:
    cells = SharedCells(3, 4)

    def count() -> None:
        cells.own[1] += 2.5

    pid = in_a_fork(count)
    (row,) = cells.rows()
    assert (row.pid, row.number, list(row.cells)) == (pid, 0, [0.0, 2.5, 0.0])


def test_a_process_keeps_its_row() -> None:
    cells = SharedCells(1, 4)
    cells.own[0] += 1
    cells.own[0] += 1
    assert [(row.pid, row.starts, row.cells[0]) for row in cells.rows()] == [(os.getpid(), 1, 2.0)]


def test_processes_that_run_have_rows_of_their_own() -> None:
    cells = SharedCells(1, 4)
    cells.own[0] += 1

    def count() -> None:
        cells.own[0] += 10

    in_a_fork(count)
    assert [row.cells[0] for row in cells.rows()] == [1.0, 10.0]


def test_the_next_process_goes_on_counting_where_one_has_ended() -> None:
    cells = SharedCells(1, 4)

    def count() -> None:
        cells.own[0] += 1

    last = [in_a_fork(count) for _ in range(5)][-1]
    (row,) = cells.rows()
    assert (row.pid, row.starts, row.cells[0], row.is_alive) == (last, 5, 5.0, False)


def test_a_lock_dies_with_its_holder() -> None:
    cells = SharedCells(1, 4)

    def die_within() -> None:
        with cells._locked():
            os._exit(0)

    in_a_fork(die_within)
    cells.own[0] += 1  # it would wait for ever


def test_where_nothing_is_free_a_row_is_shared_rather_than_nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_cells, "_is_alive", lambda pid: True)
    cells = SharedCells(1, 1)

    def count() -> None:
        cells.own[0] += 1

    for _ in range(3):
        in_a_fork(count)
    assert [row.cells[0] for row in cells.rows()] == [3.0]
