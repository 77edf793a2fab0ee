"""What becomes of a signal that comes before a worker minds signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from scoringhost.doors.server.worker import Link, ScoringWorker

LIVES_ON = 7


def _forked(link: Link) -> int:
    """How a worker ends that has just been forked; it has the master's handlers, which note signals for the master."""
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGTERM, lambda number, frame: None)
            worker = ScoringWorker.__new__(ScoringWorker)
            worker.link = link
            worker.init_signals()
        finally:
            os._exit(LIVES_ON)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("told", [Link.tell_service_ends, Link.tell_replaced])
def test_a_worker_that_is_told_to_end_before_it_minds_signals_ends(told: Callable[[Link], None]) -> None:
    link = Link()
    told(link)
    assert _forked(link) == -signal.SIGTERM


def test_a_worker_that_nobody_has_told_to_end_goes_on() -> None:
    assert _forked(Link()) == LIVES_ON
