"""The worker processes of a job: mini-batches go out as workers fall idle, outcomes come back in order.

A worker that dies or takes too long is replaced, and its mini-batch is scored again in halves
(`part_queue`). How processes are started, heard and ended is the supervisor's; what is particular
here is that a worker is asked to end by a message, which it reads between two mini-batches, and not
by a signal, which would come in the middle of one.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scoringhost.batch.part_queue import PartQueue, Slot
from scoringhost.batch.parts import Contract, Job, Outcome, Part, Ready, Refused
from scoringhost.batch.reading import Source, leave_out
from scoringhost.batch.worker_log import Log, WorkerLog
from scoringhost.errors import StartupError
from scoringhost.process.supervisor import PythonChild, start_python, wait_for_any
from scoringhost.tabular.pieces import Size

AHEAD = 4
"""Mini-batches per worker that may be unfinished or waiting to be written."""
LAST_WORDS_S = 2.0
"""Seconds that a process whose connection has ended gets to end itself."""
LOOK_S = 0.2
"""Seconds between two looks at whether a silent worker is alive."""
STOP_S = 30.0
"""Seconds that shutdown() may take at the end."""
ABANDON_S = 2.0
"""Seconds that a worker gets to end by itself when the job is given up."""


class WorkerUnusable(StartupError):
    """A worker process did not come as far as scoring; the explanation is for people."""


class Stopped(Exception):
    """Somebody asked for an end."""


class _Worker:
    """One worker process and what it is scoring."""

    def __init__(self, child: PythonChild, log: Log) -> None:
        assert child.output is not None
        self.child, self.log = child, WorkerLog(child.output, log)
        self.slot: Slot | None = None
        self.is_ready = False

    @property
    def is_idle(self) -> bool:
        return self.is_ready and self.slot is None

    def give(self, slot: Slot, timeout_s: float | None) -> None:
        self.slot = slot
        self.child.limit(timeout_s)
        self.child.send(slot.part)

    def close(self) -> None:
        """Let go of a process that has ended."""
        self.log.finish()
        self.child.close()


class Pool:
    """Worker processes that have loaded the script; to be used in a `with` block, which starts and ends them."""

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
        self._processes = processes
        self._workers: list[_Worker] = []
        self._queue = PartQueue(AHEAD * processes, job.max_retries)
        self._contract: Contract | None = None

    def __enter__(self) -> Pool:
        try:
            for _ in range(self._processes):
                self._workers.append(self._start())
        except BaseException:
            self._end(ABANDON_S)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(ABANDON_S if kind is not None else STOP_S)

    def contract(self) -> Contract:
        """What run() takes, as the first worker that is ready says.

        Raises:
            WorkerUnusable: if the script cannot be used, init() fails, or the process dies.
            Stopped: if `stopped` says so.
        """
        while self._contract is None:
            self._listen()
        return self._contract

    def score(self, source: Source, size: Size | None, *, skip: int) -> tuple[float, Iterator[tuple[float, Outcome]]]:
        """See `BatchEngine`: the mini-batches are read here, as workers fall idle."""
        parts = source.parts(self.contract(), size)
        skipped = leave_out(parts, skip)
        return skipped, ((part.position, outcome) for part, outcome in self.score_parts(parts))

    def score_parts(self, parts: Iterator[Part]) -> Iterator[tuple[Part, Outcome]]:
        """Score mini-batches: answers each with its outcome, in order.

        Raises:
            WorkerUnusable: if a worker that had to be replaced does not start any more.
            Stopped: if `stopped` says so.
            Whatever `parts` raises.
        """
        while True:
            while not self._queue.is_full and (part := next(parts, None)) is not None:
                self._queue.add(part)
            if not self._queue:
                return
            self._hand_out()
            self._listen()
            yield from self._queue.done()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.is_idle and (slot := self._queue.take()) is not None:
                worker.give(slot, self._timeout_s)

    # -- what workers say, and do not say ---------------------------------------------------------

    def _listen(self) -> None:
        """Wait a moment for messages and log lines, and deal with them, and with workers that are silent."""
        if self._stopped():
            raise Stopped
        ready = wait_for_any([*(worker.child.connection for worker in self._workers), *self._pipes()], LOOK_S)
        for worker in list(self._workers):
            if worker.log.pipe in ready:
                worker.log.pass_on()
            if worker.child.connection in ready:
                self._hear(worker)
            elif worker.child.ending() is not None:
                # It has ended, but something that it has started holds its end of the connection.
                self._has_ended(worker)
            elif worker.child.is_overdue:
                worker.child.kill()
                self._replace(worker, f"run() took longer than {self._timeout_s:g} s")

    def _pipes(self) -> list[Any]:
        return [worker.log.pipe for worker in self._workers if worker.log.pipe is not None]

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.child.receive()
        except EOFError:
            self._has_ended(worker)
            return
        if isinstance(message, Refused):
            raise WorkerUnusable(message.explanation)
        if isinstance(message, Ready):
            worker.is_ready = True
            if self._contract is None:
                self._contract = message.contract
        else:
            assert isinstance(message, Outcome)
            assert worker.slot is not None
            worker.slot.outcome, worker.slot = message, None
            worker.child.limit(None)

    def _has_ended(self, worker: _Worker) -> None:
        """Replace a worker that has died, or is about to."""
        worker.child.wait(LAST_WORDS_S)  # so that it is known how it ended
        ending = worker.child.kill()
        if not worker.is_ready:
            worker.log.finish()
            raise WorkerUnusable(f"a worker process {ending} before init() was done")
        self._replace(worker, f"the worker process {ending}")

    # -- starting and ending ------------------------------------------------------------------------

    def _start(self) -> _Worker:
        child = start_python("scoringhost.batch.worker", self._environ, output=subprocess.PIPE)
        child.send(self._job)
        return _Worker(child, self._log)

    def _replace(self, worker: _Worker, why: str) -> None:
        """Put a new process in the place of one that has been killed."""
        worker.close()
        place = self._workers.index(worker)
        del self._workers[place]
        if worker.slot is not None:
            self._queue.has_ended_worker(worker.slot, why)
        self._workers.insert(place, self._start())

    def _end(self, within_s: float) -> None:
        """Let every worker run shutdown() and end; kill what has not ended in time."""
        deadline_s = time.monotonic() + within_s
        for worker in self._workers:
            if not worker.is_ready and worker.child.has_sent():
                worker.is_ready = _says_ready(worker.child)
            if worker.is_idle:
                worker.child.send(None)
        while self._are_running(self._workers) and time.monotonic() < deadline_s:
            wait_for_any(self._pipes(), LOOK_S)  # a worker that nobody reads could not go on
            for worker in self._workers:
                worker.log.pass_on()
            if not self._are_running([worker for worker in self._workers if worker.is_idle]):
                break  # what is left is in the middle of a run(), or of init()
        for worker in self._workers:
            worker.child.kill()
            worker.close()

    @staticmethod
    def _are_running(workers: list[_Worker]) -> bool:
        return any(worker.child.ending() is None for worker in workers)


def _says_ready(child: PythonChild) -> bool:
    try:
        return isinstance(child.receive(), Ready)
    except EOFError:
        return False
