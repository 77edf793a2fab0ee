"""Tracebacks without the frames of the host."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

import scoringhost
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.script.tracebacks import user_stack, user_traceback

PACKAGE = str(Path(scoringhost.__file__).parent)


def caught(work) -> BaseException:
    with pytest.raises(BaseException) as info:
        work()
    return info.value


def users() -> None:
    raise ValueError("the user's")


def test_the_users_own_frames_are_shown() -> None:
    text = user_traceback(caught(users))
    assert text.startswith("Traceback (most recent call last):\n")
    assert "in users" in text
    assert text.endswith("ValueError: the user's")


def test_the_frames_before_the_users_are_left_out() -> None:
    def through_ours() -> None:
        from scoringhost.kernel.scoring_thread import ScoringThread

        thread = ScoringThread()
        thread.perform_here(users, None)

    ours_first = caught(through_ours)
    assert ours_first.__traceback__ is not None
    ours_first = ours_first.with_traceback(ours_first.__traceback__.tb_next.tb_next)  # type: ignore[union-attr]
    assert PACKAGE in str(ours_first.__traceback__.tb_frame.f_code.co_filename)  # type: ignore[union-attr]
    assert PACKAGE not in user_traceback(ours_first)
    assert "in users" in user_traceback(ours_first)


def test_a_cause_is_shown_too() -> None:
    def chained() -> None:
        try:
            users()
        except ValueError as error:
            raise KeyError("outer") from error

    text = user_traceback(caught(chained))
    assert text.index("the user's") < text.index("direct cause") < text.index("KeyError: 'outer'")


def test_an_exception_that_cannot_be_printed_is_survived() -> None:
    class Nasty(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    def nasty() -> None:
        raise Nasty

    assert "Nasty" in user_traceback(caught(nasty))


def test_an_exception_that_was_never_raised_has_a_text() -> None:
    assert user_traceback(ValueError("x")) == "ValueError: x"


def test_if_every_frame_is_ours_all_are_kept() -> None:
    error = caught(lambda: scoringhost.no_such_name)
    assert error.__traceback__ is not None
    only_ours = error.with_traceback(error.__traceback__.tb_next.tb_next)  # type: ignore[union-attr]
    assert PACKAGE in user_traceback(only_ours)


def test_the_stack_of_a_running_thread_starts_where_the_users_code_does() -> None:
    stack = user_stack(sys._getframe())
    assert stack.startswith("Still running (most recent call last):\n")
    assert "in test_the_stack_of_a_running_thread_starts_where_the_users_code_does" in stack


# BUG: the stack of a 504 began with gunicorn, whose frames are between ours.
def test_the_stack_of_a_running_thread_has_no_frames_of_what_serves_us() -> None:
    thread, stacks = ScoringThread(), []

    def run() -> None:
        stacks.append(user_stack(sys._getframe()))

    def serves_us() -> None:
        thread.adopt()
        thread.submit(run, thread.close)
        thread.serve_here()

    outside = threading.Thread(target=serves_us)  # its first frames are those of a library
    outside.start()
    outside.join()
    assert "in run" in stacks[0]
    assert "serves_us" not in stacks[0]
    assert "threading.py" not in stacks[0]
