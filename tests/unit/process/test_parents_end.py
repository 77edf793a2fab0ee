"""Processes whose parent has gone."""

from __future__ import annotations

import subprocess
import sys
from signal import SIGKILL

import pytest

TIMEOUT_S = 30.0
"""How long anything may take before a test gives up."""


# BUG: a worker whose parent had gone before it looked took whoever came after that one for its parent.
def test_a_process_whose_parent_has_gone_before_it_looked_ends_too() -> None:
    code = "from scoringhost.process.parents_end import end_with_parent; import time; end_with_parent(1, 0.0); "
    done = subprocess.run([sys.executable, "-c", f"{code} time.sleep(3600)"], start_new_session=True, timeout=TIMEOUT_S)
    assert done.returncode == -SIGKILL


def test_work_that_is_done_within_the_grace_is_not_cut_off() -> None:
    code = "from scoringhost.process.parents_end import end_with_parent; end_with_parent(1, 3600); print('done')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, start_new_session=True, timeout=TIMEOUT_S, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own")
def test_a_child_whose_parent_has_gone_before_the_kernel_was_asked_ends_at_once() -> None:
    code = """if True:
        import os, signal
        from scoringhost.process.parents_end import signalled_at_parents_end
        ask_for_signal = signalled_at_parents_end(signal.SIGTERM)
        child = os.fork()
        if child == 0:
            if os.fork() == 0:  # its parent is not the process that ask_for_signal was made in
                ask_for_signal()
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = subprocess.run([sys.executable, "-c", code], timeout=TIMEOUT_S, capture_output=True, text=True)
    assert done.stdout == "1\n"
