"""How run() is executed: on the scoring thread if it is a plain function, awaited if it is async.

A `Turn` is one call's right to run. The deadline counts the time spent in run(), streamed pieces
included, and not the time spent waiting for the turn or for a slow reader. `thread_runner.py` and
`loop_runner.py` have the two ways.

All work of one turn is done in one context (PEP 567): what run() sets, the steps of its generator
find, and a variable that is set in one step can be reset in another, as `flask.stream_with_context`
and a tracing span around a `yield` do. A context cannot be entered twice at once, so it is never
that of a task, which the event loop may want to go on with meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from scoringhost.kernel.call import never
from scoringhost.kernel.deadline import Deadline


class Turn(Protocol):
    """One call's right to run."""

    async def do(self, work: Callable[[], Any], size: int = 0) -> Any:
        """Do one piece of work within what is left of the time limit; `size` is the body's, in bytes.

        Raises:
            DeadlineExceeded, CallerTimedOut: if it takes longer; it is broken off where that is possible.
        """

    async def step(self, work: Callable[[], Any]) -> Any:
        """Do something for a stream as `do` does, but never on the spot: nobody knows how long it takes.

        No further step is begun before it.
        """

    async def next(self, step: Callable[[], Any]) -> Any:
        """Take the next item of a stream, as `step` makes it: never on the spot, and always the same `step`.

        Several short steps may be made in one go. What one of them raises is raised in its place, after
        the items before it. Raises as `do` does.
        """

    def where(self) -> str:
        """The stack of the work that is going on, for the log; may be empty."""

    def end(self) -> None:
        """Give the turn back, at once or as soon as the work has really ended."""


class Runner(Protocol):
    """Gives turns."""

    async def turn(self, deadline: Deadline | None = None, abandoned: Callable[[], bool] = never) -> Turn:
        """Wait for a turn, first come first served.

        deadline: the caller's own, for all that is done in the turn. abandoned: whether the caller has gone.

        Raises:
            IncompleteBody, Overloaded, CallerTimedOut, NotReady: as `Admission.enter`.
        """


class ScriptCancelled(Exception):
    """run() raised CancelledError by itself, which is its `__cause__`; nobody has cancelled the call."""


def told_apart(error: BaseException) -> BaseException:
    """What a script has raised; a CancelledError of its own is a ScriptCancelled, so that it cancels nobody else."""
    if not isinstance(error, asyncio.CancelledError):
        return error
    apart = ScriptCancelled()
    apart.__cause__ = error
    return apart
