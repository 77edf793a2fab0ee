"""What `scoringhost batch` shows while it works."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import click

from scoringhost.batch import Step
from scoringhost.batch.output import Places
from scoringhost.batch.parts import Failure

REPORT_S = 10.0
"""Seconds between two lines of progress where standard error is no terminal."""
SHOWN_FAILURES = 3
STEPS = 1000


class Display:
    """Progress on standard error: a bar on a terminal, otherwise a line now and then."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet`: no progress, and nothing of how far it is."""
        self._quiet = quiet
        self._bar: Any = None
        self._started_s = self._reported_s = time.monotonic()
        self._last = Step(0, 0, 0.0)
        self._shown: set[str] = set()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing but failures is shown."""
        return self._quiet

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command was given."""
        return time.monotonic() - self._started_s

    def log(self, text: bytes) -> None:
        """Lines of the workers."""
        self._above(lambda: click.echo(text, err=True, nl=False))

    def say(self, text: str) -> None:
        """A line of our own."""
        self._above(lambda: click.echo(text, err=True))

    def show(self, step: Step) -> None:
        """Show how far the job is, and the first failures of each kind."""
        if step.resumed and not self._quiet:
            self.say(f"going on where the job was interrupted: {_counts(step)} so far")
        for failure in step.failures:
            self._failed(failure)
        self._last = step
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._move(step)
        elif time.monotonic() - self._reported_s > REPORT_S:
            self._reported_s = time.monotonic()
            self.say(f"{step.position:.0%}: {_counts(step)}")

    def so_far(self, places: Places) -> str:
        """What to do with a job that was not finished."""
        return f"{_counts(self._last)} so far; the same command goes on from there ({places.progress})"

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None

    def _failed(self, failure: Failure) -> None:
        kind = failure.traceback.rpartition("\n")[0] or failure.error
        if kind in self._shown or len(self._shown) > SHOWN_FAILURES:
            return
        self._shown.add(kind)
        if len(self._shown) > SHOWN_FAILURES:
            self.say("there are failures of other kinds, which are not shown here")
            return
        status = f"{failure.status} " if failure.status else ""
        count = f" and {failure.count - 1} more" if failure.count > 1 else ""
        trace = f"{failure.traceback}\n" if failure.traceback else ""
        self.say(f"{trace}{failure.place}{count} failed: {status}{failure.error}")

    def _move(self, step: Step) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=STEPS, file=sys.stderr, item_show_func=lambda item: item)
            self._bar.render_progress()
        self._bar.update(int(step.position * STEPS) - self._bar.pos, _counts(step))
        self._bar.render_progress()  # the counts go on where the bar stands still

    def _above(self, write: Callable[[], None]) -> None:
        if self._bar is None:
            write()
            return
        click.echo("\r\x1b[K", err=True, nl=False)
        write()
        self._bar.render_progress()


def _counts(step: Step) -> str:
    return f"{step.scored:,} scored, {step.failed:,} failed"
