"""Child processes: how they are started, watched, talked to and ended.

A `Child` is any program; a `PythonChild` is a function of ours in a process of its own, with a
connection to it. What holds for both:

- It leads a session, and with it a process group, of its own. Ctrl-C in the terminal is therefore
  for this process alone, which ends its children in order; and whatever a child has started can be
  ended together with it.
- It is given nothing to read on standard input, and no file of this process besides its standard
  streams and its end of the connection.
- It does not outlive this process (see `parents_end`). How it ends then differs: a program gets
  SIGTERM; a function of ours decides for itself, in `join_parent`, how long it may go on.
- How it ended is kept as an `Ending`, in words as well.

Nothing here runs by itself: there are no threads and no signal handlers. Whoever has children looks
after them in a loop of its own, and sees there which have said something (`wait_for_any`), have
ended (`ending`) or have taken too long (`is_overdue`). One child is used on one thread.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import IO, Any

from scoringhost.process.parents_end import end_with_parent, signalled_at_parents_end


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process has ended; `code` is its exit code, or the number of the signal below zero."""

    code: int

    @property
    def reason(self) -> str:
        """Such as "exit code 3" or "signal SIGKILL"."""
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return f"signal {signal.Signals(-self.code).name}"
        except ValueError:  # most real-time signals have no name
            return f"signal {-self.code}"

    def __str__(self) -> str:
        """Such as "ended with exit code 3" or "ended by signal SIGKILL"."""
        return f"ended {'by' if self.code < 0 else 'with'} {self.reason}"


class Child:
    """A process that this one has started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._deadline_s: float | None = None

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its session and of its process group."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes] | None:
        """What it writes, if it was started with `subprocess.PIPE`; whoever reads it closes it."""
        return self._process.stdout

    # -- watching -----------------------------------------------------------------------------

    def ending(self) -> Ending | None:
        """Returns how it has ended, or None if it runs."""
        code = self._process.poll()
        return None if code is None else Ending(code)

    def wait(self, within_s: float) -> Ending | None:
        """Wait for its end; returns None if it still runs after that many seconds."""
        with suppress(subprocess.TimeoutExpired):
            return Ending(self._process.wait(within_s))
        return None

    def limit(self, within_s: float | None) -> None:
        """Let what it does now take that many seconds from now on; None takes the limit away."""
        self._deadline_s = None if within_s is None else time.monotonic() + within_s

    @property
    def is_overdue(self) -> bool:
        """Whether it has taken longer than its limit. What follows from that is up to the caller."""
        return self._deadline_s is not None and time.monotonic() > self._deadline_s

    # -- ending -------------------------------------------------------------------------------

    def ask_to_end(self) -> None:
        """Send it SIGTERM, and nothing to what it has started: that is for it to end in order."""
        self._process.terminate()

    def kill(self) -> Ending:
        """End it at once, with everything in its process group, also if it has itself ended before."""
        # As long as anything of the group is left the system gives its number to nobody else. When
        # nothing is, the number is free: so this is called when the end is noticed, not much later.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return Ending(self._process.wait())

    def end(self, within_s: float) -> Ending:
        """Ask it to end, and kill it with its process group if it has not after that many seconds."""
        self.ask_to_end()
        return self.wait(within_s) or self.kill()


class PythonChild(Child):
    """A function of ours in a process of its own, and the connection over which it is talked to."""

    def __init__(self, process: subprocess.Popen[bytes], connection: Connection[Any, Any]) -> None:
        super().__init__(process)
        self.connection = connection

    def send(self, message: object) -> None:
        """Hand it a message, pickled; blocks while it has not taken what came before.

        Nothing is raised if it has ended: that is noticed where its answer is waited for.
        """
        with suppress(OSError):
            self.connection.send(message)

    def has_sent(self) -> bool:
        """Whether `receive` would return, or raise, at once."""
        return self.connection.poll()

    def receive(self) -> Any:
        """Wait for a message of its.

        Raises:
            EOFError: if it has ended, or is about to.
        """
        try:
            return self.connection.recv()
        except OSError as problem:
            raise EOFError from problem

    def close(self) -> None:
        """Let go of the connection; a child that waits for a message then ends."""
        self.connection.close()


# -- starting -------------------------------------------------------------------------------------


def start_program(command: Sequence[str], environ: Mapping[str, str], *, output: int | IO[bytes]) -> Child:
    """Start a program; `output` takes what it writes to standard output and standard error.

    It gets SIGTERM when this process ends (Linux), which is why it must be started on the main
    thread: elsewhere the end of that thread would count as ours.

    Raises:
        OSError: if there is no such program, or no more processes may be started.
    """
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=signalled_at_parents_end(signal.SIGTERM),
    )
    return Child(process)


def start_python(module: str, environ: Mapping[str, str], *, output: int | IO[bytes]) -> PythonChild:
    """Start a Python interpreter that calls `main(descriptor, parent)` of a module of ours.

    `main` hands both on to `join_parent`. -P keeps the working directory from shadowing our modules.

    Raises:
        OSError: if no more processes may be started, or files opened.
    """
    ours, theirs = Pipe()
    with theirs:  # this process must not hold it: the end of the child would go unnoticed
        call = f"from {module} import main; main({theirs.fileno()}, {os.getpid()})"
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", call],
                env=environ,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
    return PythonChild(process, ours)


def join_parent(descriptor: int, parent: int, grace_s: float) -> Connection[Any, Any]:
    """What the `main` of a `PythonChild` begins with; returns the connection to the process that started it.

    From now on this process ends with its parent, at most `grace_s` seconds after it: if it waits
    for a message it gets an EOFError at once, and what it is doing then has that long to be done.
    What it starts does not inherit the connection.
    """
    os.set_inheritable(descriptor, False)
    end_with_parent(parent, grace_s)
    return Connection(descriptor)


# -- watching several -----------------------------------------------------------------------------


def wait_for_any(sources: Sequence[Connection[Any, Any] | IO[bytes]], within_s: float) -> Sequence[Any]:
    """Wait for connections and outputs of children; returns those with something to be read.

    An end counts as something to be read. Returns after `within_s` seconds at the latest, empty if
    nothing came; also without any sources.
    """
    if not sources:
        time.sleep(within_s)
        return ()
    readable: list[Any] = list(sources)  # whatever has a fileno(), though the types of `wait` do not say so
    return wait(readable, within_s)
