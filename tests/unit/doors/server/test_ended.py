"""How worker processes have ended, in our words."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from scoringhost.doors.server.ended import looked_at, without_lines_of

pytestmark = pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system cannot be asked")


def ended(act: Callable[[], object]) -> str:
    """How a child process that does this has ended."""
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    found = looked_at([pid])
    assert os.waitpid(pid, 0)[0] == pid, "it was not to be waited for"
    return found[pid]


def kill(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: os._exit(0), ""),
        (lambda: os._exit(9), "it has ended with exit code 9"),
        (kill(signal.SIGKILL), "somebody has killed it (SIGKILL); the system does so when memory runs out"),
        (kill(signal.SIGSYS), "it has crashed (SIGSYS)"),
        (kill(signal.SIGTERM), ""),
    ],
    ids=["in order", "exit code", "killed", "crashed", "told to"],
)
def test_an_end_is_called_what_it_was(act: Callable[[], object], words: str) -> None:
    assert ended(act) == words


def test_nothing_is_said_of_those_that_go_on_or_are_not_there() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    assert looked_at([pid, 1]) == {}
    os.close(writer)
    os.waitpid(pid, 0)
    os.close(reader)


def test_gunicorns_lines_are_left_out_meanwhile_only() -> None:
    lines = logging.getLogger("test_ended")
    with without_lines_of(SimpleNamespace(error_log=lines)):
        assert lines.disabled
    assert not lines.disabled


def test_a_logger_class_of_the_users_may_have_no_such_log() -> None:
    with without_lines_of(object()):
        pass
