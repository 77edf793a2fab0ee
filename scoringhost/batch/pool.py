"""The worker processes of a job: mini-batches go out as workers fall idle, outcomes come back in order.

A worker that dies or takes too long is replaced, and its mini-batch is scored again in halves, down
to the item that is at fault. At most a few mini-batches per worker are ahead of the one that is to
be written next, so that memory stays bounded whatever the size of the input.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import IO, Any

from scoringhost.batch.parts import Contract, Job, Outcome, Part, Ready, Refused
from scoringhost.errors import StartupError

AHEAD = 4
"""Mini-batches per worker that may be unfinished or waiting to be written."""
LOG_BYTES = 1 << 20
LINE_BYTES = 1 << 16
"""What is read of a worker's log at once, and how long an unfinished line may become."""
LAST_READS = 8
LAST_WORDS_S = 2.0
"""Seconds that a process whose connection has ended gets to end itself."""
LOOK_S = 0.2
"""Seconds between two looks at whether a silent worker is alive."""
STOP_S = 30.0
"""Seconds that shutdown() may take at the end."""
ABANDON_S = 2.0
"""Seconds that a worker gets to end by itself when the job is given up."""

Log = Callable[[bytes], None]


class WorkerUnusable(StartupError):
    """A worker process did not come as far as scoring; the explanation is for people."""


class Stopped(Exception):
    """Somebody asked for an end."""


class _Worker:
    """One worker process, what it is scoring, and until when (on the monotonic clock)."""

    def __init__(self, job: Job, environ: Mapping[str, str]) -> None:
        self.connection, theirs = Pipe()
        with theirs:
            command = f"from scoringhost.batch.worker import main; main({theirs.fileno()})"
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", command],
                env=environ,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,  # Ctrl-C is for the command, which ends its workers in order
            )
        assert self.process.stdout is not None
        self.log: IO[bytes] | None = self.process.stdout
        os.set_blocking(self.log.fileno(), False)
        self.unfinished = b""
        self.slot: _Slot | None = None
        self.is_ready = False
        self.deadline_s: float | None = None
        self.send(job)

    @property
    def is_idle(self) -> bool:
        return self.is_ready and self.slot is None

    def give(self, slot: _Slot, timeout_s: float | None) -> None:
        self.slot = slot
        self.deadline_s = time.monotonic() + timeout_s if timeout_s else None
        self.send(slot.part)

    def send(self, message: Any) -> None:
        with suppress(OSError):  # it has died, which is noticed when it is asked for the outcome
            self.connection.send(message)

    def kill(self) -> None:
        """End it and whatever it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def how_it_ended(self) -> str:
        code = self.process.wait()
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


@dataclass(slots=True, eq=False)
class _Slot:
    """A mini-batch in the order of the output; `ends` if it is the last piece of one that was divided."""

    part: Part
    ends: bool
    outcome: Outcome | None = None
    attempts: int = 0


class Pool:
    """Worker processes that have loaded the script; to be used in a `with` block, which ends them."""

    def __init__(
        self,
        job: Job,
        environ: Mapping[str, str],
        *,
        processes: int,
        timeout_s: float | None,
        log: Log,
        stopped: Callable[[], bool],
    ) -> None:
        """log: is handed whole lines. stopped: is asked now and then."""
        self._job, self._environ, self._timeout_s, self._log, self._stopped = job, environ, timeout_s, log, stopped
        self._workers = [_Worker(job, environ) for _ in range(processes)]
        self._window = AHEAD * processes
        self._slots: deque[_Slot] = deque()
        self._waiting: deque[_Slot] = deque()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(ABANDON_S if kind is not None else STOP_S)

    def contract(self) -> Contract:
        """What run() takes, as the first worker that is ready says.

        Raises:
            WorkerUnusable: if the script cannot be used, init() fails, or the process dies.
            Stopped: if `stopped` says so.
        """
        while True:
            for message in self._listen():
                if isinstance(message, Ready):
                    return message.contract

    def score(self, parts: Iterator[Part]) -> Iterator[tuple[Part, Outcome]]:
        """Score mini-batches: answers each with its outcome, in order.

        Raises:
            WorkerUnusable: if a worker that had to be replaced does not start any more.
            Stopped: if `stopped` says so.
            Whatever `parts` raises.
        """
        together = Outcome()
        while True:
            while len(self._slots) < self._window and (part := next(parts, None)) is not None:
                slot = _Slot(part, ends=True)
                self._slots.append(slot)
                self._waiting.append(slot)
            if not self._slots:
                return
            self._hand_out()
            for _ in self._listen():
                pass
            while self._slots and (outcome := self._slots[0].outcome) is not None:
                slot = self._slots.popleft()
                together.add(outcome)
                if slot.ends:
                    yield slot.part, together
                    together = Outcome()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.is_idle and self._waiting:
                worker.give(self._waiting.popleft(), self._timeout_s)

    def _listen(self) -> list[Any]:
        """Wait a moment for messages and log lines; answers the messages after they have been dealt with."""
        if self._stopped():
            raise Stopped
        sources: list[Any] = [worker.connection for worker in self._workers]
        sources += [worker.log for worker in self._workers if worker.log is not None]
        ready: list[Any] = wait(sources, LOOK_S)
        messages = []
        for worker in list(self._workers):
            if worker.log in ready:
                self._pass_on(worker)
            if worker.connection in ready:
                message = _receive(worker.connection)
                messages.append(message)
                self._received(worker, message)
            elif worker.process.poll() is not None:
                self._received(worker, None)
            elif worker.deadline_s is not None and time.monotonic() > worker.deadline_s:
                worker.kill()
                self._replace(worker, f"run() took longer than {self._timeout_s:g} s")
        return messages

    def _received(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, Ready):
            worker.is_ready = True
        elif isinstance(message, Refused):
            raise WorkerUnusable(message.explanation)
        elif isinstance(message, Outcome):
            assert worker.slot is not None
            worker.slot.outcome, worker.slot, worker.deadline_s = message, None, None
        else:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(LAST_WORDS_S)  # so that it is known how it ended
            worker.kill()
            if not worker.is_ready:
                self._pass_all_on(worker)
                raise WorkerUnusable(f"a worker process ended {worker.how_it_ended()} before init() was done")
            self._replace(worker, f"the worker process ended {worker.how_it_ended()}")

    def _replace(self, worker: _Worker, why: str) -> None:
        self._close(worker)
        self._workers[self._workers.index(worker)] = _Worker(self._job, self._environ)
        if worker.slot is not None:
            self._divide(worker.slot, why)

    def _divide(self, slot: _Slot, why: str) -> None:
        """Score the halves of a mini-batch that ended its worker; a single item has failed after some attempts."""
        halves = slot.part.halves()
        if not halves and slot.attempts < self._job.max_retries:
            slot.attempts += 1
            self._waiting.appendleft(slot)
        elif not halves:
            slot.outcome = Outcome.failing(slot.part, why)
        else:
            slots = [_Slot(halves[0], ends=False), _Slot(halves[1], ends=slot.ends)]
            at = self._slots.index(slot)
            self._slots.remove(slot)
            for new in reversed(slots):
                self._slots.insert(at, new)
                self._waiting.appendleft(new)

    def _pass_all_on(self, worker: _Worker) -> None:
        """Hand on what a worker that has ended left in its log; what it started may go on writing."""
        for _ in range(LAST_READS):
            if not self._pass_on(worker):
                return

    def _pass_on(self, worker: _Worker) -> bool:
        """Hand on what it has written, up to the last whole line; not more than a megabyte at a time."""
        text = worker.log.read(LOG_BYTES) if worker.log is not None else None
        if text is None:
            return False
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if len(worker.unfinished) + len(text) - end > LINE_BYTES:
            end = len(text)
        if end:
            self._log(worker.unfinished + text[:end])
            worker.unfinished = b""
        worker.unfinished += text[end:]
        if not text:
            self._close_log(worker)
        return bool(text)

    def _close_log(self, worker: _Worker) -> None:
        if worker.log is not None:
            worker.log.close()
            worker.log = None
        if worker.unfinished:
            self._log(worker.unfinished + b"\n")
            worker.unfinished = b""

    def _close(self, worker: _Worker) -> None:
        self._pass_all_on(worker)
        self._close_log(worker)
        worker.connection.close()

    def _end(self, within_s: float) -> None:
        """Let every worker run shutdown() and end; kill what has not ended in time."""
        deadline_s = time.monotonic() + within_s
        for worker in self._workers:
            if not worker.is_ready and worker.connection.poll():
                worker.is_ready = isinstance(_receive(worker.connection), Ready)
            if worker.is_idle:
                worker.send(None)
        while any(worker.process.poll() is None for worker in self._workers) and time.monotonic() < deadline_s:
            logs: list[Any] = [worker.log for worker in self._workers if worker.log is not None]
            wait(logs, LOOK_S) if logs else time.sleep(LOOK_S)
            for worker in self._workers:
                self._pass_on(worker)
            if all(worker.process.poll() is not None for worker in self._workers if worker.is_idle):
                break  # what is left is in the middle of a run(), or of init()
        for worker in self._workers:
            worker.kill()
            self._close(worker)


def _receive(connection: Connection[Any, Any]) -> Any:
    """A message; None if the worker has died."""
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None
