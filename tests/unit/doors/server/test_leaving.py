"""The end of a process whose script has left threads behind."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

START_S = 20.0

BEGIN = """
import logging, os, threading
from scoringhost.doors.server.leaving import leave_within
from scoringhost.telemetry.logs import HOST_LOGGER

logging.basicConfig(format="%(message)s")

def endless(*, daemon):
    threading.Thread(target=threading.Event().wait, args=[600], name="of the script", daemon=daemon).start()
"""

pytestmark = pytest.mark.slow  # each is a program of its own, as what is tested ends it


def ended(program: str) -> tuple[int, str]:
    """Exit code and log of a program."""
    source = BEGIN + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=START_S)
    return done.returncode, done.stderr.strip()


def test_a_process_whose_main_thread_goes_on_is_ended_with_the_exit_code() -> None:
    assert ended("leave_within(7, 0.01)\nthreading.Event().wait(600)") == (7, "")


def test_the_threads_that_would_have_kept_it_are_named() -> None:
    line = "the process ends though threads of the script go on: of the script"
    assert ended("endless(daemon=False)\nleave_within(3, 0.01)") == (3, line)


def test_daemons_keep_no_process_and_are_not_named() -> None:
    assert ended("endless(daemon=True)\nleave_within(5, 0.01)\nthreading.Event().wait(600)") == (5, "")


def test_a_process_that_ends_by_itself_is_not_held_up() -> None:
    assert ended("leave_within(5, 600)\nraise SystemExit(4)") == (4, "")
